import Glibc
import StorageKit
import Synchronization

/// Folders that were there and that their owner could not write to (mode 0555), opened to him while a restore writes in them.
///
/// A folder gets the snapshot's mode when its metadata is set; one that a restore did not come to gets back what it had. After a kill it stays open
/// to its owner, to nobody else, until it is restored again.
final class WidenedFolders: Sendable {
    private struct Folder {
        var identity: FileIdentity
        var former: mode_t
        var widened: mode_t
    }

    private let folders = Mutex<[TreePath: Folder]>([:])

    /// `path` is where the entry, a folder, is below the root. One that can't be opened up stays: what is to be done in it says why not.
    func widen(_ entry: OpenEntry, at path: TreePath) throws(StorageError) {
        let found = try entry.status()
        guard found.st_mode & 0o700 != 0o700, found.st_uid == geteuid() else { return }
        // Whoever may write there anyway leaves it alone.
        guard faccessat(AT_FDCWD, entry.place, R_OK | W_OK | X_OK, AT_EACCESS) != 0 else { return }
        let folder = Folder(
            identity: FileIdentity(found), former: found.st_mode & 0o7777, widened: found.st_mode & 0o7777 | 0o700)
        // Known before it is done: a folder that is widened is always put back.
        folders.withLock { $0[path] = folder }
        guard entry.setPermissions(folder.widened) else { return settle(path) }
        // The kernel may take setgid away on the way.
        let now = try entry.status().st_mode & 0o7777
        folders.withLock { $0[path]?.widened = now }
    }

    /// Its metadata was set: it stays as it is now.
    func settle(_ path: TreePath) { folders.withLock { $0[path] = nil } }

    /// Puts back what was not settled, the deepest first, for the way there leads through the others. What somebody else changed meanwhile is his.
    func putBack(below root: FolderHandle) {
        let all = folders.withLock { folders in
            defer { folders = [:] }
            return folders.sorted { $0.key.parts.count > $1.key.parts.count }
        }
        for (path, folder) in all {
            guard let entry = try? Self.entry(path, below: root), let found = try? entry.status(),
                FileIdentity(found) == folder.identity, found.st_mode & 0o7777 == folder.widened
            else { continue }
            _ = entry.setPermissions(folder.former)
        }
    }

    private static func entry(_ path: TreePath, below root: FolderHandle) throws(StorageError) -> OpenEntry {
        guard let name = path.parts.last else { return try OpenEntry(".", in: root) }
        return try OpenEntry(name, in: try root.folder(TreePath(Array(path.parts.dropLast()))))
    }
}
