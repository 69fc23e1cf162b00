import Synchronization

/// The backup-mode sessions that this process holds, by the key of their freeze.
final class BackupSessions: Sendable {
    private let sessions = Mutex<[String: BackupSession]>([:])

    func add(_ session: BackupSession, key: String) { sessions.withLock { $0[key] = session } }
    func take(_ key: String) -> BackupSession? { sessions.withLock { $0.removeValue(forKey: key) } }
}
