public import Basics
import Glibc

/// Why a folder, or what is in it, can't be used: a failed system call, or somebody else who could change what is put there.
extension Explanation {
    /// Whose folder was expected, and whose was found.
    public init(notPrivate expected: String, found: String, at location: String) {
        self.init(
            .folderNotPrivate, expected: expected, found: found, at: location,
            advice: "move it away, or correct its owner and mode; XDG_STATE_HOME and XDG_CACHE_HOME name other places")
    }

    /// What is there is not what belongs there, and nothing is made of it.
    public init(notUnderstood expected: String, found: String, at location: String) {
        self.init(
            .notUnderstood, expected: expected, found: found, at: location,
            advice: "see who put it there, and bring back what was there, or move it away")
    }

    /// A failed system call, by its errno.
    public init(errno code: Int32, doing what: String, at location: String) {
        let (kind, advice): (ErrorKind, String) =
            switch code {
            case ENOSPC, EDQUOT: (.noSpace, "free space on the disk")
            case EACCES, EPERM, EROFS: (.accessDenied, "make the folder writable for this user, or name another one")
            default: (.fileSystem, "")
            }
        self.init(
            kind, expected: what, found: String(cString: strerror(code)), at: location, advice: advice,
            retry: kind == .noSpace ? .transient : .permanent)
    }
}
