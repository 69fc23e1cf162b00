import Basics
import Foundation
import StorageKit

/// Says what an errno means for a repository.
enum LocalError {
    static func of(_ code: Int32, at location: String, doing what: String) -> StorageError {
        let (kind, advice, retry): (ErrorKind, String, Retryability) =
            switch code {
            case ENOENT, ENOTDIR: (.notFound, "check the path; create the repository first", .permanent)
            case EEXIST: (.exists, "", .lostRace)
            case EACCES, EPERM: (.accessDenied, "run as the owner of the repository, or change its permissions", .permanent)
            case EROFS: (.accessDenied, "the file system is mounted read-only; mount it writable", .permanent)
            case ENOSPC, EDQUOT, EFBIG: (.noSpace, "free space or raise the quota, then run again: what was stored is kept", .transient)
            case EIO: (.failed, "the disk reports errors: look at the kernel's log", .permanent)
            case EMFILE, ENFILE, ENOMEM, ESTALE, ETIMEDOUT, EBUSY: (.unavailable, "", .transient)
            default: (.failed, "", .permanent)
            }
        return StorageError(kind, expected: what, found: String(cString: strerror(code)), at: location, advice: advice, retry: retry)
    }
}
