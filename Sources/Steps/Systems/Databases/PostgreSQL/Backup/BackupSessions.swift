import Basics
import PostgreSQL
import Synchronization

/// What this process holds on servers for windows, by the key of their freeze: sessions in backup mode, and afterwards those that make the server
/// keep the WAL that the copies of the window will fetch.
final class BackupSessions: Sendable {
    private let sessions = Mutex<[String: BackupSession]>([:])
    private let keepers = Mutex<[String: WALKeeper]>([:])

    func add(_ session: BackupSession, key: String) { sessions.withLock { $0[key] = session } }
    func take(_ key: String) -> BackupSession? { sessions.withLock { $0.removeValue(forKey: key) } }

    /// Where nobody says that a window's copies have ended, they have so long.
    static let patience = TimeSpan.hours(1)

    /// Holds a keeper until the copies have ended.
    func linger(_ keeper: WALKeeper, key: String) {
        keepers.withLock { $0[key] = keeper }
        Task.detached { [weak self] in
            try? await Task.sleep(for: Self.patience.duration)
            self?.endLinger(key)
        }
    }

    /// The copies have ended. True when the keeper was this process's.
    @discardableResult
    func endLinger(_ key: String) -> Bool { keepers.withLock { $0.removeValue(forKey: key) } != nil }
}
