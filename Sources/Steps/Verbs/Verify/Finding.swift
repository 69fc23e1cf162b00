import Basics
import Foundation
import Repository
import StepKit

/// What looking at one repository snapshot found.
struct Finding: Sendable {
    let snapshot: Snapshot
    private(set) var level = Proof.Level.metadata
    private(set) var problems: [String] = []
    private(set) var advice = ""
    private(set) var bytesRead: UInt64 = 0
    private var details: [String: JSONValue] = [:]

    init(_ snapshot: Snapshot) { self.snapshot = snapshot }

    var isGood: Bool { problems.isEmpty }

    mutating func read(_ depth: ReadDepth, _ report: CheckReport) {
        level = max(level, depth.level)
        bytesRead += report.bytesRead
        details["read"] = .string(depth.description)
        details["bytesRead"] = .int(Int64(clamping: report.bytesRead))
        for problem in report.problems where problem.severity == .damage { add(problem.error) }
        if !report.damagedPaths.isEmpty {
            details["damagedPaths"] = .array(report.damagedPaths.prefix(100).map { .string("/\($0)") })
        }
    }

    /// A restore came through; `facts` are worth recording.
    mutating func restored(_ facts: [String: JSONValue]) {
        level = .restore
        details.merge(facts) { _, new in new }
    }

    mutating func add(_ error: any ExplainedError) {
        problems.append("\(error.location): expected \(error.expected), found \(error.found)")
        if advice.isEmpty { advice = error.advice }
    }

    func proof(repositoryID: String, isPartial: Bool) -> Proof {
        var details = details
        details["at"] = .int(Int64(Date.now.timeIntervalSince1970 * 1000))
        details.merge(SnapshotOrigin(snapshot).proofDetails) { _, new in new }
        if isPartial || !SnapshotTag.isWhole(snapshot) { details["partial"] = true }
        if !isGood { details["problems"] = .array(problems.prefix(20).map { .string($0) }) }
        return Proof(repositoryID: repositoryID, snapshotID: snapshot.id, level: level, isGood: isGood, details: .object(details))
    }

    var summary: String {
        isGood
            ? "snapshot \(snapshot.shortID) is good (\(level.rawValue))"
            : "snapshot \(snapshot.shortID) is damaged: \(problems.prefix(3).joined(separator: "; "))"
    }
}
