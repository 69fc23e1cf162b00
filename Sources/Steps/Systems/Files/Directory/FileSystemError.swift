import Basics
import Glibc
import StorageKit

extension StorageError {
    /// An `errno` as an error that says what to do.
    static func system(_ code: Int32, expected: String, at location: String) -> StorageError {
        let text = String(cString: strerror(code))
        switch code {
        case ENOENT, ENOTDIR, ESTALE:
            return StorageError(
                .notFound, expected: expected, found: text, at: location,
                advice: "it went meanwhile, or the path is wrong, or what holds it is not mounted", retry: .lostRace)
        case EACCES, EPERM:
            return StorageError(
                .accessDenied, expected: expected, found: text, at: location,
                advice: "run the worker as a user who may, or exclude the path")
        case EEXIST, ENOTEMPTY:
            return StorageError(
                .exists, expected: expected, found: text, at: location,
                advice: "choose an empty target, or allow overwriting (`overwrite: true`, `--overwrite`)")
        case ENOSPC, EDQUOT:
            return StorageError(.noSpace, expected: expected, found: text, at: location, advice: "free space there", retry: .transient)
        case ELOOP, EXDEV:
            return StorageError(
                .changed, expected: expected + " without a symbolic link on the way", found: text, at: location,
                advice: "somebody replaced a folder by a link; look at the path")
        case EIO, EMFILE, ENFILE, ENOMEM, EINTR, EAGAIN, ETIMEDOUT:
            return StorageError(.failed, expected: expected, found: text, at: location, retry: .transient)
        case ENOTCONN, ECONNABORTED, ESHUTDOWN, EHOSTDOWN:
            return StorageError(
                .unavailable, expected: expected, found: text, at: location,
                advice: "what is mounted there is cut off from its server or program; mount it anew", retry: .transient)
        case EROFS:
            return StorageError(
                .accessDenied, expected: expected, found: text, at: location, advice: "the file system is mounted read-only")
        default:
            return StorageError(.failed, expected: expected, found: text, at: location)
        }
    }
}
