import Basics
import FlowModel
import Glibc
import StorageKit

extension StorageError {
    /// What a negative answer of librados or librbd means. `ifMissing`: what to do where something is not there.
    static func ceph(
        _ code: Int32, expected: String, at location: String, ifMissing: String = "check pool, namespace and name: `rbd ls`"
    ) -> StorageError {
        let number = -code
        let text = String(cString: strerror(number))
        let (kind, advice, retry): (ErrorKind, String, Retryability) =
            switch number {
            case ENOENT: (.notFound, ifMissing, .permanent)
            case EEXIST: (.exists, "", .lostRace)
            case EACCES, EPERM:
                (.accessDenied, "check `user` and `key`, and the user's capabilities: `ceph auth get`", .permanent)
            case ENOSPC, EDQUOT: (.noSpace, "the pool or its quota is full: `ceph df`", .transient)
            case ETIMEDOUT, ENOTCONN, ESHUTDOWN, ECONNREFUSED, EAGAIN:
                (.unavailable, "the cluster does not answer: `ceph -s`; `timeout` says how long it is waited for", .transient)
            case ENOTEMPTY: (.failed, "it still holds snapshots: `rbd snap ls`, `rbd children`", .transient)
            case EBUSY: (.unavailable, "somebody else uses it: `rbd status`", .transient)
            case EROFS: (.unavailable, "another client holds the image's lock: `rbd lock ls`, `rbd status`", .transient)
            case EINVAL, ENAMETOOLONG, ERANGE, EDOM: (.invalid, "correct the setting", .permanent)
            case EIO, ENOMEM, EINTR: (.failed, "look at the cluster's health: `ceph -s`", .transient)
            default: (.failed, "look at the cluster's health: `ceph -s`", .permanent)
            }
        return StorageError(kind, expected: expected, found: "\(text) (\(code))", at: location, advice: advice, retry: retry)
    }
}
