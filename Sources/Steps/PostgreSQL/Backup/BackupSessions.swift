import FlowModel
import PostgreSQL
import Synchronization

/// The backup-mode sessions that this process holds, by the key of their freeze.
final class BackupSessions: Sendable {
    private let sessions = Mutex<[String: BackupSession]>([:])

    func add(_ session: BackupSession, key: String) { sessions.withLock { $0[key] = session } }
    func take(_ key: String) -> BackupSession? { sessions.withLock { $0.removeValue(forKey: key) } }

    /// The copies of a window have so long to fetch its WAL before the server may remove it.
    static let patience = TimeSpan.hours(1)

    /// Holds a session that makes the server keep WAL for a while longer.
    func linger(_ keeper: WALKeeper) {
        Task.detached {
            try? await Task.sleep(for: Self.patience.duration)
            withExtendedLifetime(keeper) {}
        }
    }
}
