import Crypto
import Glibc
import Synchronization

/// An object on its way in: a file without a name, which becomes an object whole or leaves nothing, whatever happens to this process.
///
/// Where the file system knows no such files (NFS, some of FUSE) it has a name that no list shows, removed when it was not stored. Used by one
/// call at a time; every call blocks.
final class UploadFile: @unchecked Sendable {
    /// Bytes so far.
    private(set) var count: Int64 = 0
    private let target: String
    private let descriptor: Int32
    /// Nil when it has no name.
    private var temporary: String?
    private let digest = SHA256()

    /// open(2): O_TMPFILE, which Glibc's module does not show. O_DIRECTORY is a part of it, and differs between processors.
    private static let unnamed = O_DIRECTORY | 0o20000000
    /// Marks names that a process which was killed may have left.
    static let suffix = "-upload"

    init(target: String) throws(Refusal) {
        self.target = target
        let folder = Self.folder(of: target)
        var file = open(folder, O_WRONLY | Self.unnamed | O_CLOEXEC, 0o400)
        if file < 0, errno == ENOENT {  // restic's own server makes what is missing in `data`
            mkdir(folder, 0o700)
            file = open(folder, O_WRONLY | Self.unnamed | O_CLOEXEC, 0o400)
        }
        if file < 0, [EOPNOTSUPP, EISDIR, EINVAL, ENOSYS].contains(errno) {
            let name = "\(target)-\(String(UInt64.random(in: .min ... .max), radix: 36))\(Self.suffix)"
            file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o400)
            temporary = file < 0 ? nil : name
        }
        descriptor = file
        guard file >= 0 else { throw Refusal(errno: errno, "an upload") }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        if let temporary { unlink(temporary) }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(Refusal) {
        digest.update(bytes)
        var done = 0
        while done < bytes.count {
            let put = write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if put < 0, errno == EINTR { continue }
            guard put > 0 else { throw Refusal(errno: put == 0 ? ENOSPC : errno, "an upload") }
            done += put
        }
        count += Int64(bytes.count)
    }

    /// Makes it durable and gives it its name, unless another has that. `expected`: what its content must hash to.
    func store(expected: SHA256Digest?) throws(Refusal) {
        let found = digest.finish()
        if let expected, found != expected {
            throw Refusal(.mismatch, "the body's SHA-256 is \(found), not the name \(expected): it was damaged on its way; send it again")
        }
        guard fsync(descriptor) == 0 else { throw Refusal(errno: errno, "an upload") }
        // A server reads seldom what it just wrote.
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        try link()
        try synchronizeFolder()
    }

    /// A link refuses what exists, a rename would replace it.
    private func link() throws(Refusal) {
        let source = temporary ?? "/proc/self/fd/\(descriptor)"
        if linkat(AT_FDCWD, source, AT_FDCWD, target, temporary == nil ? AT_SYMLINK_FOLLOW : 0) == 0 { return }
        guard let temporary, [EPERM, EOPNOTSUPP, ENOSYS].contains(errno) else { throw Refusal(errno: errno, "an upload") }
        // No links here either: one rename at a time, so that of two uploads by way of this server one wins.
        let failure = Self.renaming.withLock { _ -> Int32 in
            guard access(target, F_OK) != 0 else { return EEXIST }
            return rename(temporary, target) == 0 ? 0 : errno
        }
        guard failure == 0 else { throw Refusal(errno: failure, "an upload") }
        self.temporary = nil
    }
    private static let renaming = Mutex<Void>(())

    private func synchronizeFolder() throws(Refusal) {
        let folder = open(Self.folder(of: target), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw Refusal(errno: errno, "an upload") }
        defer { close(folder) }
        guard fsync(folder) == 0 || errno == EINVAL || errno == ENOTSUP else { throw Refusal(errno: errno, "an upload") }
    }

    private static func folder(of file: String) -> String {
        file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
    }
}
