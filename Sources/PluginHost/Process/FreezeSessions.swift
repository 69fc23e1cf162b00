import Basics
import Synchronization

/// Processes that hold a freeze which ends with them (`QuiesceKind.session`): from the quiesce to the thaw, whichever step asks. Nothing
/// else would hold them, for each step opens its system anew.
final class FreezeSessions: Sendable {
    private let held = Mutex<[String: PluginSession]>([:])

    /// Beyond its hold a freeze is void: then the process goes, in whatever way nobody thawed it here.
    private static let grace = TimeSpan.minutes(1)

    /// By the key of the freeze.
    func hold(_ session: PluginSession, key: String, for maxHold: TimeSpan) {
        held.withLock { $0[key] = session }
        Task.detached { [weak self] in
            try? await Task.sleep(for: maxHold.duration + Self.grace.duration)
            self?.end(key, session)
        }
    }

    /// The one that holds the freeze; nil where this process of ours has none.
    func session(_ key: String) -> PluginSession? { held.withLock { $0[key] } }

    func end(_ key: String, _ session: PluginSession) {
        // What is let go here ends outside of the lock.
        let ended = held.withLock { held in held[key] === session ? held.removeValue(forKey: key) : nil }
        withExtendedLifetime(ended) {}
    }
}
