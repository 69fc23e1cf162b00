import CLinux
import Basics
import Glibc

/// Resolves an absolute path as the kernel does, and sees at each part that nobody else could exchange it.
struct FolderWalk {
    /// What is made where it is missing: the modes of the last folder, and of those above. Nil: nothing is.
    var making: (last: mode_t, above: mode_t)?
    /// True: others may write in the last one too, if they can't exchange what is not theirs.
    var isShared = false
    private let trust = FolderTrust()

    init(making: (last: mode_t, above: mode_t)?, isShared: Bool = false) {
        self.making = making
        self.isShared = isShared
    }

    /// The folder's descriptor, for the caller to close.
    func open(_ path: String) throws(Explanation) -> Int32 {
        guard path.utf8.first == UInt8(ascii: "/") else { throw Explanation(errno: EINVAL, doing: "an absolute path", at: path) }
        var left = Array(path.pathParts.reversed())
        var isExposed = trust.dependsOnAll
        var place = ""
        var links = 0
        var here = try enter(AT_FDCWD, "/", at: "/")
        defer { close(here) }
        while let part = left.popLast() {
            if part == "." { continue }
            if let target = try link(here, part, isExposed: isExposed, at: place + "/" + part) {
                links += 1
                guard links <= 40 else { throw Explanation(errno: ELOOP, doing: "a path that ends", at: path) }
                left += target.pathParts.reversed()
                if target.utf8.first == UInt8(ascii: "/") {
                    (here, place) = (try exchange(here, for: try enter(AT_FDCWD, "/", at: "/")), "")
                }
                continue
            }
            place += "/" + part
            here = try exchange(here, for: try folder(here, part, isLast: left.isEmpty, at: place))
            let status = try status(here, at: place)
            let isOwn = left.isEmpty && !isShared
            let letsOthersWrite = trust.letsOthersWrite(status, here)
            // Nobody but its owner can exchange a name in a folder like `/tmp`.
            let keepsNames = !letsOthersWrite || status.st_mode & S_ISVTX != 0
            let isFine = isOwn ? !letsOthersWrite : keepsNames || !trust.dependsOnAll
            guard !(isExposed || isOwn) || (trust.owns(status) && isFine) else { throw trust.refusal(status, here, at: place) }
            if letsOthersWrite { isExposed = true }
        }
        let folder = openat(here, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw Explanation(errno: errno, doing: "a folder that can be opened", at: path) }
        return folder
    }

    private func exchange(_ old: Int32, for new: Int32) throws(Explanation) -> Int32 {
        close(old)
        return new
    }

    /// Where a link leads; nil for what is none.
    private func link(_ folder: Int32, _ name: String, isExposed: Bool, at place: String) throws(Explanation) -> String? {
        var found = stat()
        guard fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0, found.st_mode & S_IFMT == S_IFLNK else { return nil }
        guard !isExposed || trust.owns(found) else { throw trust.refusal(found, at: place) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBytes {
            $0.withMemoryRebound(to: CChar.self) { readlinkat(folder, name, $0.baseAddress!, $0.count) }
        }
        guard count > 0 else { throw Explanation(errno: errno, doing: "a link that can be read", at: place) }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private func folder(_ above: Int32, _ name: String, isLast: Bool, at place: String) throws(Explanation) -> Int32 {
        if let making, name != ".." {
            if mkdirat(above, name, 0o700) == 0 {
                let made = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                guard made >= 0 else { throw Explanation(errno: errno, doing: "the new folder", at: place) }
                // Past the mask of this process.
                if try trust.owns(status(made, at: place)) { fchmod(made, isLast ? making.last : making.above) }
                return made
            }
            // What is there can be entered though nothing can be made beside it.
            let code = errno
            var found = stat()
            guard code == EEXIST || fstatat(above, name, &found, AT_SYMLINK_NOFOLLOW) == 0 else {
                throw Explanation(errno: code, doing: "a folder that can be made", at: place)
            }
        }
        return try enter(above, name, at: place)
    }

    private func enter(_ above: Int32, _ name: String, at place: String) throws(Explanation) -> Int32 {
        let flags = name == "/" || name == ".." ? linux_open_name & ~O_NOFOLLOW : linux_open_name
        let folder = openat(above, name, flags | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw Explanation(errno: errno, doing: "a folder", at: place) }
        return folder
    }

    private func status(_ folder: Int32, at place: String) throws(Explanation) -> stat {
        var status = stat()
        guard fstat(folder, &status) == 0 else { throw Explanation(errno: errno, doing: "a folder that can be examined", at: place) }
        return status
    }
}
