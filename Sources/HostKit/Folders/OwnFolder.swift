public import Basics
public import Glibc

/// A folder in which nobody but this process's user, and root, can write: what is made, renamed or removed in it by name is just that. Every folder
/// that we keep something in is opened as one first, lest somebody who was there before, or a link, has us write where he wants.
///
/// For root, every folder above it is examined, too; for others those below a folder like `/tmp`, where anybody writes.
public final class OwnFolder: Sendable {
    public let descriptor: Int32
    public let path: String

    /// Makes it, and what is missing above it, or finds it. `above`: the mode of folders that are made on the way. Throws `.folderNotPrivate`
    /// where somebody else could change it.
    public init(making path: String, mode: mode_t = 0o700, above: mode_t = 0o755) throws(Explanation) {
        descriptor = try FolderWalk(making: (mode, above)).open(path)
        self.path = path
    }

    /// One that is there.
    public init(opening path: String) throws(Explanation) {
        descriptor = try FolderWalk(making: nil).open(path)
        self.path = path
    }

    /// Makes or finds one to put a folder of our own in: others may write in it (`/tmp`), if they can't exchange what is not theirs.
    public init(sharing path: String, mode: mode_t = 0o755) throws(Explanation) {
        descriptor = try FolderWalk(making: (mode, mode), isShared: true).open(path)
        self.path = path
    }

    deinit { close(descriptor) }

    /// Puts a file in another's place, whole. `group`: who may read it beside its owner.
    public func write(_ bytes: [UInt8], to name: String, readableBy group: gid_t? = nil) throws(Explanation) {
        let temporary = ".\(name).\(UInt64.random(in: .min ... .max))"
        let file = openat(descriptor, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Explanation(errno: errno, doing: "a file that can be made", at: "\(path)/\(name)") }
        defer { close(file) }
        do throws(Explanation) {
            var done = 0
            while done < bytes.count {
                let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress?.advanced(by: done), $0.count - done) }
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { throw Explanation(errno: errno, doing: "a file that can be written", at: "\(path)/\(name)") }
                done += count
            }
            if let group, fchown(file, geteuid(), group) != 0 || fchmod(file, 0o640) != 0 {
                throw Explanation(errno: errno, doing: "a file that its reader can read", at: "\(path)/\(name)")
            }
            guard renameat(descriptor, temporary, descriptor, name) == 0 else {
                throw Explanation(errno: errno, doing: "to name the file", at: "\(path)/\(name)")
            }
        } catch {
            unlinkat(descriptor, temporary, 0)
            throw error
        }
    }
}
