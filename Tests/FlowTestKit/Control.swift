import Basics
import Foundation
import Rigs
import StepKit

/// Files by which a test holds steps at a point and makes them fail, across processes.
public struct Control: Sendable {
    public let folder: String

    public init(folder: String) { self.folder = folder }

    private func path(_ name: String) -> String { "\(folder)/\(name)" }

    private func write(_ name: String, _ text: String) {
        let isWritten = FileManager.default.createFile(atPath: path(name), contents: Data(text.utf8))
        precondition(isWritten, "can't write \(path(name))")
    }

    /// Steps wait at `before`, `after` their effect, or `within` a long body, until released.
    public func hold(_ step: String, _ point: String) { write("hold-\(step)-\(point)", "") }

    public func release(_ step: String, _ point: String) {
        try? FileManager.default.removeItem(atPath: path("hold-\(step)-\(point)"))
        try? FileManager.default.removeItem(atPath: path("at-\(step)-\(point)"))
    }

    /// The next `count` runs fail.
    public func fail(_ step: String, count: Int, permanently: Bool = false) {
        write("fail-\(step)", "\(count) \(permanently)")
    }

    /// The points where steps wait now: `STEP-POINT`.
    public func isHeld(_ step: String, _ point: String) -> Bool { FileManager.default.fileExists(atPath: path("at-\(step)-\(point)")) }

    // MARK: the steps' side

    func pass(_ step: String, _ point: String) async throws {
        let gate = path("hold-\(step)-\(point)")
        guard FileManager.default.fileExists(atPath: gate) else { return }
        write("at-\(step)-\(point)", "")
        try await eventually("\(gate) is opened", within: .seconds(600), every: .milliseconds(5)) {
            !FileManager.default.fileExists(atPath: gate)
        }
        try? FileManager.default.removeItem(atPath: path("at-\(step)-\(point)"))
    }

    func failIfTold(_ step: String) throws {
        let file = path("fail-\(step)")
        guard let text = FileManager.default.contents(atPath: file).map({ String(decoding: $0, as: UTF8.self) }) else { return }
        let words = text.split(separator: " ")
        guard let count = words.first.flatMap({ Int($0) }), count > 0 else { return }
        fail(step, count: count - 1, permanently: words.last == "true")
        throw StepError(
            .failed, expected: "success", found: "a failure that the test asked for", at: step,
            retry: words.last == "true" ? .permanent : .transient)
    }
}
