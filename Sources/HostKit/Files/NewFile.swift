import CLinux
import Glibc
import Synchronization

/// A file on its way to its name: it gets it whole and durable, never in another's place, or leaves nothing, whatever happens to this process.
///
/// Until then it has no name at all (open(2), O_TMPFILE). Where the file system knows no such files (NFS, some of FUSE) it has one of its own
/// beside. Used by one call at a time; every call blocks.
public final class NewFile: @unchecked Sendable {
    public let descriptor: Int32
    /// Reads and writes go past the page cache, and want aligned memory, offsets and lengths.
    public let isDirect: Bool
    private let target: String
    /// Nil when it has no name.
    private var temporary: String?

    /// Objects are never changed.
    private static let permissions: mode_t = 0o400

    /// open(2): O_DIRECT, which Glibc's module does not show.
    #if arch(arm64)
        private static let direct: Int32 = 0o200000
    #else
        private static let direct: Int32 = 0o40000
    #endif

    /// `temporary` makes the name that it has where it needs one. `isDirect` is a wish.
    public init(target: String, isDirect: Bool = false, temporary: (String) -> String) throws(FileFailure) {
        self.target = target
        let folder = Self.folder(of: target)
        let wishes = isDirect ? [Self.direct, 0] : [0]
        for (path, flags) in [(folder, linux_open_unnamed), (temporary(target), O_CREAT | O_EXCL)] {
            for wish in wishes {
                let file = open(path, O_WRONLY | flags | wish | O_CLOEXEC, Self.permissions)
                guard file < 0 else {
                    descriptor = file
                    self.isDirect = wish != 0
                    self.temporary = path == folder ? nil : path
                    return
                }
                let code = errno
                // A file that was made before its flags were refused.
                if code == EINVAL, path != folder { unlink(path) }
                guard [EOPNOTSUPP, EISDIR, EINVAL, ENOSYS].contains(code) else { throw FileFailure(code, "a new file", target) }
            }
        }
        throw FileFailure(EINVAL, "a new file", target)
    }

    deinit {
        close(descriptor)
        if let temporary { unlink(temporary) }
    }

    /// Makes it durable and gives it its name; EEXIST when another has that.
    public func publish() throws(FileFailure) {
        guard fsync(descriptor) == 0 else { throw FileFailure(errno, "a durable file", target) }
        try link()
        try synchronizeFolder()
    }

    /// A link refuses what exists, a rename would replace it.
    private func link() throws(FileFailure) {
        let source = temporary ?? "/proc/self/fd/\(descriptor)"
        if linkat(AT_FDCWD, source, AT_FDCWD, target, temporary == nil ? AT_SYMLINK_FOLLOW : 0) == 0 { return }
        guard let temporary, [EPERM, EOPNOTSUPP, ENOSYS].contains(errno) else { throw FileFailure(errno, "a new name", target) }
        // No links here either: one rename at a time, so that of two writers of this process one wins.
        let failure = Self.renaming.withLock { _ -> Int32 in
            guard access(target, F_OK) != 0 else { return EEXIST }
            return rename(temporary, target) == 0 ? 0 : errno
        }
        guard failure == 0 else { throw FileFailure(failure, "a new name", target) }
        self.temporary = nil
    }
    private static let renaming = Mutex<Void>(())

    private func synchronizeFolder() throws(FileFailure) {
        let path = Self.folder(of: target)
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw FileFailure(errno, "the folder of a new file", path) }
        defer { close(folder) }
        guard fsync(folder) == 0 || errno == EINVAL || errno == ENOTSUP else { throw FileFailure(errno, "a durable folder", path) }
    }

    private static func folder(of file: String) -> String {
        file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
    }
}

/// A system call that failed.
public struct FileFailure: Error, Sendable, Hashable {
    /// errno.
    public var code: Int32
    public var expected: String
    public var path: String

    init(_ code: Int32, _ expected: String, _ path: String) {
        self.code = code
        self.expected = expected
        self.path = path
    }
}
