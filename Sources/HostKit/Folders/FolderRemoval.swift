public import Basics
import Glibc

/// Removes a tree that others may be changing meanwhile: every step is asked of a descriptor, so that no link leads out of it. Folders in folders are
/// moved up to the top first, so that neither a path nor the number of open files grows with the depth.
public struct FolderRemoval {
    private typealias Name = [CChar]

    private let path: String
    private var moved = 0

    private init(_ path: String) { self.path = path }

    /// Removes `path`, a folder with all that is in it (read-only ones of our own, too) or whatever it is; returns when nothing is there. Who can
    /// exchange the parts of the path before its last must be trusted. Throws where something can't be removed; what could be is gone then.
    public static func remove(_ path: String) throws(Explanation) {
        var removal = FolderRemoval(path)
        try removal.run()
    }

    private mutating func run() throws(Explanation) {
        if unlink(path) == 0 || errno == ENOENT { return }
        guard [EISDIR, EPERM].contains(errno) else { throw failure(errno) }
        guard let top = enter(AT_FDCWD, Array(path.utf8CString)) else { throw failure(errno) }
        defer { close(top) }
        while true {
            let folders = try empty(top)
            guard !folders.isEmpty else { break }
            for name in folders { try removeFolder(name, in: top) }
        }
        guard rmdir(path) == 0 || errno == ENOENT else { throw failure(errno) }
    }

    /// What is in it and a folder goes up to `top`, where the next round finds it.
    private mutating func removeFolder(_ name: Name, in top: Int32) throws(Explanation) {
        guard let folder = enter(top, name) else {
            // Gone, or no folder any more: the next round sees.
            guard [ENOENT, ENOTDIR, ELOOP].contains(errno) else { throw failure(errno) }
            return
        }
        defer { close(folder) }
        for inner in try empty(folder) {
            moved += 1
            // A folder that goes elsewhere is written to, for its `..`.
            if geteuid() != 0 { fchmodat(folder, inner, 0o700, 0) }
            let new = ".removed-\(moved)-\(UInt64.random(in: .min ... .max))"
            guard renameat(folder, inner, top, new) == 0 || errno == ENOENT else { throw failure(errno) }
        }
        guard unlinkat(top, name, AT_REMOVEDIR) == 0 || [ENOENT, ENOTDIR, ENOTEMPTY, EEXIST].contains(errno) else { throw failure(errno) }
    }

    /// Removes what is no folder, and returns the names of those that are.
    private func empty(_ folder: Int32) throws(Explanation) -> [Name] {
        let copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { throw failure(errno) }
        guard let stream = fdopendir(copy) else {
            close(copy)
            throw failure(errno)
        }
        defer { closedir(stream) }
        var folders: [Name] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { $0.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0] }
            if name == [46, 0] || name == [46, 46, 0] { continue }
            if unlinkat(folder, name, 0) == 0 || errno == ENOENT { continue }
            let code = errno
            var status = stat()
            guard fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFDIR else { throw failure(code) }
            folders.append(name)
        }
        return folders
    }

    private func enter(_ above: Int32, _ name: Name) -> Int32? {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        var folder = openat(above, name, flags)
        // Root may enter every folder. Anybody else has to open his own first.
        if folder < 0, errno == EACCES, geteuid() != 0, fchmodat(above, name, 0o700, 0) == 0 { folder = openat(above, name, flags) }
        guard folder >= 0 else { return nil }
        if geteuid() != 0 { fchmod(folder, 0o700) }
        return folder
    }

    private func failure(_ code: Int32) -> Explanation { Explanation(errno: code, doing: "to remove it with all that is in it", at: path) }
}
