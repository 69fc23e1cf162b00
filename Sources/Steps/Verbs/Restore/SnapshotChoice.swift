import FlowModel
import Foundation
import Repository
import StepKit

/// Which repository snapshot is meant: `latest`, `latest before TIME`, or an id or its beginning.
enum SnapshotChoice: Sendable, Hashable {
    case latest(before: String?)
    case id(String)

    init(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        switch (words.first, words.count) {
        case ("latest", 1): self = .latest(before: nil)
        case ("latest", 3) where words[1] == "before": self = .latest(before: words[2])
        default: self = .id(text)
        }
    }

    /// `system`: only what was copied from the system of that name counts.
    func pick(among snapshots: [Snapshot], system: String?, at location: String) throws(StepError) -> Snapshot {
        let known = snapshots.filter { snapshot in system.map { snapshot.tags.contains(SnapshotTag.system($0)) } ?? true }
        let found: [Snapshot]
        switch self {
        case .latest(nil): found = known
        case .latest(let text?):
            let limit = try Self.time(text, at: location)
            found = known.filter { $0.time < limit }
        case .id(let id):
            found = known.filter { $0.id.hasPrefix(id) }
            guard found.count < 2 else {
                throw StepError(
                    .invalidSetting, expected: "an id of one snapshot", found: "\(id), with which \(found.count) begin", at: location,
                    advice: "give more digits")
            }
        }
        guard let newest = found.max(by: { ($0.time, $0.id) < ($1.time, $1.id) }) else {
            throw StepError(
                "no-such-snapshot", expected: description + (system.map { " of system \($0)" } ?? ""),
                found: "none of \(snapshots.count) snapshots",
                at: location, advice: "list them: `snappy-flow snapshots list`, or `restic snapshots`")
        }
        return newest
    }

    /// RFC 3339, with or without fractions, or a bare date (its first moment, UTC).
    private static func time(_ text: String, at location: String) throws(StepError) -> Instant {
        let whole = Date.ISO8601FormatStyle()
        let formats = [whole, whole.time(includingFractionalSeconds: true), whole.year().month().day()]
        for format in formats {
            if let date = try? Date(text, strategy: format) {
                return Instant(microseconds: Int64((date.timeIntervalSince1970 * 1e6).rounded()))
            }
        }
        throw StepError(
            .invalidSetting, expected: "a time such as 2026-11-23T04:00:00Z", found: "\"\(text)\"", at: location)
    }
}

extension SnapshotChoice: CustomStringConvertible {
    var description: String {
        switch self {
        case .latest(nil): "a snapshot"
        case .latest(let time?): "a snapshot before \(time)"
        case .id(let id): "snapshot \(id)"
        }
    }
}
