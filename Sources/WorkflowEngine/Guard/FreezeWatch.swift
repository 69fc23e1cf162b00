import Basics
import Foundation
import StepKit
import Synchronization

/// The guards of this worker, by the key of what they watch.
final class FreezeWatch: Sendable {
    private let guards = Mutex<[String: GuardHandle]>([:])
    private let command: [String]
    private let folder: String

    init(command: [String], scratchFolder: String) {
        self.command = command
        folder = scratchFolder + "/guards"
    }

    /// Must have returned before anything is frozen. An earlier guard of the same key has watched an earlier attempt: it goes.
    func watch(_ order: GuardOrder, onEnd: @escaping @Sendable (GuardHandle.End) -> Void) async throws {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch let error as CocoaError where error.code == .fileWriteOutOfSpace {
            // A guard without it thaws as well; what it did is then known to its worker alone.
        }
        let handle = try await GuardHandle.start(order, command: command + FormerGuards.arguments(order.key), onEnd: onEnd)
        let former = guards.withLock { $0.updateValue(handle, forKey: order.key) }
        await former?.disarm()
    }

    func reportPath(_ key: String) -> String { "\(folder)/\(key).json" }

    func record(_ state: [String: JSONValue], key: String) { guards.withLock { $0[key] }?.record(state) }

    /// The call that freezes has returned.
    func settle(_ key: String) { guards.withLock { $0[key] }?.settle() }

    /// How the watch of a freeze ended, if it did.
    func hasEnded(_ key: String) -> GuardHandle.End? { guards.withLock { $0[key] }?.hasEnded }

    /// True when another worker has ended the guard of our freeze: it has undone that, and may have frozen anew.
    func wasEndedByAnother(_ key: String) -> Bool { guards.withLock { $0[key] }?.isGone ?? false }

    /// After the regular thaw: ends every guard of the freeze on this host, and returns what a guard of it did.
    func disarm(_ key: String) async throws -> GuardReport? {
        let handle = guards.withLock { $0.removeValue(forKey: key) }
        await handle?.disarm()
        try await FormerGuards(key: key).end()
        let path = reportPath(key)
        defer { try? FileManager.default.removeItem(atPath: path) }
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return try? JSONDecoder().decode(GuardReport.self, from: data)
    }

    /// The lease is lost: everything frozen here is thawed first, and reported later.
    func thawAll() {
        for handle in guards.withLock({ Array($0.values) }) { handle.thawNow() }
    }
}
