public import Basics
public import Glibc

/// A folder that another user writes in. Nothing in it is what it seems: names may be links, pipes that never end, files of a third user, or be
/// exchanged at any moment. So everything is asked of descriptors.
public final class ForeignFolder: Sendable {
    public let descriptor: Int32
    private let owner: uid_t

    private let path: String

    /// Nil when nothing is there. Throws when the last part of `path` is no folder, or not `owner`'s (nil: whoever's it is). Who can exchange the
    /// parts before it must be trusted.
    public init?(_ path: String, of owner: uid_t?) throws(Explanation) {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else {
            if errno == ENOENT { return nil }
            throw Explanation(errno: errno, doing: "a folder, and no link to one", at: path)
        }
        var status = stat()
        let isThere = fstat(folder, &status) == 0
        descriptor = folder
        self.owner = status.st_uid
        self.path = path
        guard isThere, status.st_uid == owner ?? status.st_uid else {
            throw Explanation(
                notUnderstood: "a folder of user id \(owner ?? status.st_uid)", found: "one of user id \(status.st_uid)", at: path)
        }
    }

    deinit { close(descriptor) }

    /// At most `limit` bytes of a file's start, or of its end. Nil where there is none, which is another thing than one that is not read: that throws.
    /// Only a regular file of the owner's is: what a link leads to is not read, and a pipe is not waited for. It may have other names: whoever copies
    /// folders by hard links (`cp -l`) gives it some.
    public func read(_ name: String, atMost limit: Int, fromEnd: Bool = false) throws(Explanation) -> [UInt8]? {
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw Explanation(errno: errno, doing: "a file, and no link to one", at: "\(path)/\(name)")
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == owner else {
            throw Explanation(
                notUnderstood: "a file of user id \(owner)", found: "\(Self.kind(status)) of user id \(status.st_uid)",
                at: "\(path)/\(name)")
        }
        var bytes = [UInt8](repeating: 0, count: limit)
        let start = fromEnd ? max(0, Int(status.st_size) - limit) : 0
        var done = 0
        while done < limit {
            let count = bytes.withUnsafeMutableBytes {
                pread(file, $0.baseAddress?.advanced(by: done), $0.count - done, off_t(start + done))
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw Explanation(errno: errno, doing: "a file that can be read", at: "\(path)/\(name)") }
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

    /// What has a name here and holds up whoever opens it, by its whole path: pipes, devices, sockets. Of very many names the first are looked at.
    public func hindrances() -> [String] {
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let stream = fdopendir(copy) else {
            if copy >= 0 { close(copy) }
            return []
        }
        defer { closedir(stream) }
        var found: [String] = []
        for _ in 0..<10_000 {
            guard let entry = readdir(stream) else { break }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { $0.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0] }
            var status = stat()
            guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
                ![S_IFREG, S_IFDIR, S_IFLNK].contains(status.st_mode & S_IFMT)
            else { continue }
            found.append("\(path)/\(String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)) (\(Self.kind(status)))")
        }
        return found.sorted()
    }

    private static func kind(_ status: stat) -> String {
        switch status.st_mode & S_IFMT {
        case S_IFREG: "a file"
        case S_IFDIR: "a folder"
        case S_IFIFO: "a pipe"
        case S_IFSOCK: "a socket"
        default: "a device"
        }
    }

    /// Removes the name itself, whatever it stands for.
    public func remove(_ name: String) { unlinkat(descriptor, name, 0) }

    /// Renames within this folder.
    public func rename(_ name: String, to new: String) { renameat(descriptor, name, descriptor, new) }
}
