public import Glibc

/// A folder that another user writes in. Nothing in it is what it seems: names may be links, pipes that never end, files of a third user, or be
/// exchanged at any moment. So everything is asked of descriptors.
public final class ForeignFolder: Sendable {
    public let descriptor: Int32
    private let owner: uid_t

    /// Nil when the last part of `path` is no folder, or not `owner`'s (nil: whoever's it is). Who can exchange the parts before it must be trusted.
    public init?(_ path: String, of owner: uid_t?) {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else { return nil }
        var status = stat()
        let isThere = fstat(folder, &status) == 0
        descriptor = folder
        self.owner = status.st_uid
        guard isThere, status.st_uid == owner ?? status.st_uid else { return nil }
    }

    deinit { close(descriptor) }

    /// At most `limit` bytes of a file's start, or of its end. Nil unless it is a regular file of the owner's with no other name: what a link
    /// leads to is not read, and a pipe is not waited for.
    public func read(_ name: String, atMost limit: Int, fromEnd: Bool = false) -> [UInt8]? {
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == owner, status.st_nlink == 1 else {
            return nil
        }
        var bytes = [UInt8](repeating: 0, count: limit)
        let start = fromEnd ? max(0, Int(status.st_size) - limit) : 0
        var done = 0
        while done < limit {
            let count = bytes.withUnsafeMutableBytes {
                pread(file, $0.baseAddress?.advanced(by: done), $0.count - done, off_t(start + done))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            done += count
        }
        return Array(bytes[..<done])
    }

    /// Bytes of a regular file; nil for anything else.
    public func size(of name: String) -> Int? {
        var status = stat()
        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// Removes the name itself, whatever it stands for.
    public func remove(_ name: String) { unlinkat(descriptor, name, 0) }

    /// Renames within this folder.
    public func rename(_ name: String, to new: String) { renameat(descriptor, name, descriptor, new) }
}
