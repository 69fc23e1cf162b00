import Glibc
import PostgreSQL
import StorageKit

/// Whose a restored tree is, while the server's user looks at it and while the server works in it. Only root gives anything away; what is done here
/// is done by descriptors, for the user may have processes that still are in the tree.
struct ScratchTree: Sendable {
    let path: String
    let user: ServerUser

    /// Root's, whoever's it was: the user can read it and change nothing, so that root may still work in it. Devices go: whom a tree is given gets
    /// no disk with it.
    func lend() throws(StorageError) {
        try lend(FolderHandle(opening: path))
    }

    /// The user's. Root does nothing by name in it any more.
    func give() throws(StorageError) {
        try give(FolderHandle(opening: path))
    }

    /// The folder first: then nobody exchanges what is in it.
    private func lend(_ folder: FolderHandle) throws(StorageError) {
        let mode = try folder.status().st_mode
        try own(folder.descriptor, 0, mode: Self.readable(mode | 0o700), at: folder.path)
        for name in try folder.names() {
            switch try folder.status(name).st_mode & S_IFMT {
            case S_IFDIR: try lend(folder.folder(TreePath([name])))
            case S_IFREG:
                try withFile(name, in: folder) { (file, status) throws(StorageError) in
                    try own(file, 0, mode: Self.readable(status.st_mode), at: folder.path + "/" + name.description)
                }
            case S_IFBLK, S_IFCHR: _ = FolderHandle.withName(name) { unlinkat(folder.descriptor, $0, 0) }
            default: break
            }
        }
    }

    /// What is in a folder first: until it is given itself, nobody exchanges that.
    private func give(_ folder: FolderHandle) throws(StorageError) {
        for name in try folder.names() {
            switch try folder.status(name).st_mode & S_IFMT {
            case S_IFDIR: try give(folder.folder(TreePath([name])))
            case S_IFREG:
                try withFile(name, in: folder) { (file, status) throws(StorageError) in
                    try own(file, user.userID, mode: status.st_mode & 0o770, at: folder.path + "/" + name.description)
                }
            default: break
            }
        }
        try own(folder.descriptor, user.userID, mode: 0o700, at: folder.path)
    }

    /// A file of one name: another name of it may lie anywhere.
    private func withFile(
        _ name: FileName, in folder: FolderHandle, _ body: (Int32, stat) throws(StorageError) -> Void
    ) throws(StorageError) {
        let file = try folder.open(TreePath([name]), O_RDONLY | O_NONBLOCK | O_NOCTTY, expected: "a restored file that can be opened")
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 else { return }
        try body(file, status)
    }

    private func own(_ file: Int32, _ owner: uid_t, mode: mode_t, at place: String) throws(StorageError) {
        guard fchown(file, owner, user.groupID) == 0, fchmod(file, mode) == 0 else {
            throw .system(errno, expected: "a restored file that can be given to user \(user.name)", at: place)
        }
    }

    /// Its owner's rights, of which the group gets those to read; nobody else has any, and nothing runs as somebody else.
    private static func readable(_ mode: mode_t) -> mode_t { mode & 0o700 | (mode & 0o500) >> 3 }
}
