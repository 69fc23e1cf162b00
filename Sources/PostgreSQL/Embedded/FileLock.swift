import Basics
import Glibc

/// A lock on a file (flock): it ends with its owner, however that ends.
final class FileLock: Sendable {
    enum Mode { case shared, exclusive }
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }

    /// The lock, or nil when somebody holds it against us. The file is made when it is missing.
    static func attempt(_ path: String, _ mode: Mode) throws(PostgreSQLError) -> FileLock? {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw PostgreSQLError(errno: errno, doing: "to open the lock file", at: path) }
        let lock = FileLock(descriptor: descriptor)
        while flock(descriptor, (mode == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: return nil
            default: throw PostgreSQLError(errno: errno, doing: "to lock the file", at: path)
            }
        }
        return lock
    }

    /// Waits for the lock, at most `limit`.
    static func take(_ path: String, _ mode: Mode, within limit: TimeSpan) async throws -> FileLock {
        let deadline = Deadline(after: limit)
        while true {
            if let lock = try attempt(path, mode) { return lock }
            guard !deadline.hasPassed else {
                throw PostgreSQLError(
                    .clusterBusy, expected: "the lock of the private database within \(limit)", found: "another command holds it",
                    at: path,
                    advice: "see what other snappy-flow commands are starting or stopping the database", retry: .transient)
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

extension PostgreSQLError {
    /// A failed system call.
    init(errno code: Int32, doing what: String, at path: String) {
        let advice =
            switch code {
            case ENOSPC, EDQUOT: "free space on the disk"
            case EACCES, EPERM, EROFS: "make the folder writable for this user, or name another one with XDG_STATE_HOME"
            default: ""
            }
        self.init(
            [ENOSPC, EDQUOT].contains(code) ? .noSpace : .fileSystem, expected: what, found: String(cString: strerror(code)),
            at: path, advice: advice,
            retry: code == ENOSPC || code == EDQUOT ? .transient : .permanent)
    }
}
