public import FlowModel
import Glibc

/// Why a folder, or what is in it, can't be used: a failed system call, or somebody else who could change what is put there.
public struct FolderError: ExplainedError, Sendable, Hashable {
    public var code: String
    public var expected: String
    public var found: String
    public var location: String
    public var advice: String
    public var retry: Retryability

    /// Somebody else's, or open to others.
    public static let notPrivate = "folder-not-private"
    /// The disk, or somebody's share of it, is full.
    public static let noSpace = "no-space"

    /// Whose folder was expected, and whose was found.
    public init(notPrivate expected: String, found: String, at location: String) {
        self.code = Self.notPrivate
        self.expected = expected
        self.found = found
        self.location = location
        advice = "move it away, or correct its owner and mode; XDG_STATE_HOME and XDG_CACHE_HOME name other places"
        retry = .permanent
    }

    /// What is there is not what belongs there, and nothing is made of it.
    public init(notUnderstood expected: String, found: String, at location: String) {
        code = "not-understood"
        self.expected = expected
        self.found = found
        self.location = location
        advice = "see who put it there, and bring back what was there, or move it away"
        retry = .permanent
    }

    /// A failed system call, by its errno.
    public init(errno code: Int32, doing what: String, at location: String) {
        let isFull = code == ENOSPC || code == EDQUOT
        self.code = isFull ? Self.noSpace : "file-system"
        expected = what
        found = String(cString: strerror(code))
        self.location = location
        advice =
            isFull
            ? "free space on the disk"
            : [EACCES, EPERM, EROFS].contains(code) ? "make the folder writable for this user, or name another one" : ""
        retry = isFull ? .transient : .permanent
    }
}
