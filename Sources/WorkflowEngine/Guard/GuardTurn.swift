import Glibc

/// Keeps a dead worker's guard and the next worker's regular thaw apart: a lock (flock) beside the guard's report, which ends with its
/// holder's process.
struct GuardTurn: Sendable {
    private let descriptor: Int32
    private let path: String

    /// Waits for the lock. Nil when it can't be had: the folder is gone, or somebody thaws for a minute.
    static func take(of reportPath: String) async -> GuardTurn? {
        let path = reportPath + ".lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return nil }
        for _ in 0..<6000 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return GuardTurn(descriptor: descriptor, path: path) }
            guard (try? await Task.sleep(for: .milliseconds(10))) != nil else { break }
        }
        close(descriptor)
        return nil
    }

    /// Whoever waits for the old file holds a lock on nothing: harmless, for the report is gone by then, and the file is looked at after
    /// the lock is had.
    func end() {
        unlink(path)
        close(descriptor)
    }
}
