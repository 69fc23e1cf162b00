import Basics
import Glibc
import HostKit

/// A folder in which names are looked up by its descriptor.
protocol HeldFolder {
    var descriptor: Int32 { get }
    var path: String { get }
}

extension OwnFolder: HeldFolder {}

/// A folder, made where it was missing, whose owner is looked at and changed by its descriptor: what has its name meanwhile does not matter.
final class FolderGift: HeldFolder {
    let descriptor: Int32
    let path: String
    private(set) var status = stat()

    init(_ name: String, in above: some HeldFolder, or path: String) throws(Explanation) {
        self.path = path
        guard mkdirat(above.descriptor, name, 0o700) == 0 || errno == EEXIST else {
            throw Explanation(errno: errno, doing: "to make the folder", at: path)
        }
        descriptor = openat(above.descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw Explanation(errno: errno, doing: "a folder, and no link to one", at: path) }
        guard fstat(descriptor, &status) == 0 else { throw Explanation(errno: errno, doing: "to examine the folder", at: path) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// As little as possible in between: nobody but the new owner has more rights than before.
    func become(owner: uid_t, group: gid_t, mode: mode_t) throws(Explanation) {
        guard fchown(descriptor, owner, group) == 0, fchmod(descriptor, mode) == 0, fstat(descriptor, &status) == 0 else {
            throw Explanation(errno: errno, doing: "to give the folder to user id \(owner)", at: path)
        }
    }

    var isEmpty: Bool {
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let stream = fdopendir(copy) else {
            if copy >= 0 { close(copy) }
            return false
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != Array(".".utf8), name != Array("..".utf8) { return false }
        }
        return true
    }

    func refusal(owner: uid_t) -> Explanation { Self.refusal(status, at: path, owner: owner) }

    static func refusal(_ status: stat, at path: String, owner: uid_t) -> Explanation {
        Explanation(
            notPrivate: "a folder of user id \(owner) with mode 0700",
            found: "owner \(status.st_uid), mode 0\(String(status.st_mode & 0o7777, radix: 8))"
                + (status.st_mode & S_IFMT == S_IFDIR ? "" : ", no folder"), at: path)
    }
}
