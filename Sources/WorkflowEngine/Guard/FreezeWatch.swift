import FlowModel
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
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let handle = try await GuardHandle.start(order, command: command, onEnd: onEnd)
        let former = guards.withLock { $0.updateValue(handle, forKey: order.key) }
        await former?.disarm()
    }

    func reportPath(_ key: String) -> String { "\(folder)/\(key).json" }

    func record(_ state: [String: JSONValue], key: String) { guards.withLock { $0[key] }?.record(state) }

    /// The call that freezes has returned.
    func settle(_ key: String) { guards.withLock { $0[key] }?.settle() }

    /// How the watch of a freeze ended, if it did.
    func hasEnded(_ key: String) -> GuardHandle.End? { guards.withLock { $0[key] }?.hasEnded }

    /// After the regular thaw: ends the guard, and returns what a guard of this key did, here or in a worker before. A guard of a dead
    /// worker finds its report gone and thaws no more: what is frozen next is not its own.
    func disarm(_ key: String) async -> GuardReport? {
        let handle = guards.withLock { $0.removeValue(forKey: key) }
        await handle?.disarm()
        let path = reportPath(key)
        let turn = await GuardTurn.take(of: path)
        defer {
            try? FileManager.default.removeItem(atPath: path)
            turn?.end()
        }
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return try? JSONDecoder().decode(GuardReport.self, from: data)
    }

    /// The lease is lost: everything frozen here is thawed first, and reported later.
    func thawAll() {
        for handle in guards.withLock({ Array($0.values) }) { handle.thawNow() }
    }
}
