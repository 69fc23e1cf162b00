import HostKit
import Basics
import Foundation
import Glibc
import StorageKit

/// A read-only snapshot of a subvolume: one instant, whole as soon as it is there.
struct SubvolumeSnapshot: Sendable {
    /// The root of every subvolume (linux/btrfs_tree.h, BTRFS_FIRST_FREE_OBJECTID).
    private static let rootInode: ino_t = 256

    let source: String
    let folder: String
    let key: String

    var place: String { folder + "/" + key }

    func make() throws(StorageError) {
        let subvolume = try FolderHandle(opening: source)
        let status = try subvolume.status()
        guard Kernel.isReadOnlyBtrfsSubvolume(subvolume.descriptor) != nil, status.st_ino == Self.rootInode else {
            throw StorageError(
                .unsupported, expected: "a btrfs subvolume", found: try Self.kind(of: source, subvolume), at: source,
                advice: "give the path of a subvolume (`btrfs subvolume list`), or declare it as a `directory`")
        }
        try FreezeMark.refuseWriting(to: source)
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw .system(errno, expected: "a folder for snapshots that can be made", at: folder)
        }
        let parent = try FolderHandle(opening: folder)
        guard Kernel.makeBtrfsSnapshot(in: parent.descriptor, of: subvolume.descriptor, named: key) == 0 || (errno == EEXIST && isThere) else {
            let code = errno
            guard code == EXDEV || code == EINVAL || code == ENOTTY else {
                throw .system(code, expected: "a snapshot that can be made", at: place)
            }
            throw StorageError(
                .invalid, expected: "a folder for snapshots on the same btrfs", found: String(cString: strerror(code)), at: folder,
                advice: "set `snapshotFolder` to a folder of the file system that holds \(source)")
        }
    }

    private static func kind(of path: String, _ handle: FolderHandle) throws(StorageError) -> String {
        Kernel.isReadOnlyBtrfsSubvolume(handle.descriptor) == nil && FileSystemIdentity(of: handle.descriptor)?.text.hasPrefix("btrfs:") != true
            ? "a folder of another file system" : "a folder within a subvolume"
    }

    /// A snapshot is never half made.
    var isThere: Bool {
        guard let handle = try? FolderHandle(opening: place), let status = try? handle.status() else { return false }
        return status.st_ino == Self.rootInode && Kernel.isReadOnlyBtrfsSubvolume(handle.descriptor) == true
    }

    /// Succeeds when nothing is there.
    func remove() throws(StorageError) {
        guard let parent = try? FolderHandle(opening: folder) else { return }
        if isThere, Kernel.removeBtrfsSubvolume(in: parent.descriptor, named: key) != 0 {
            guard errno != EPERM else {
                throw StorageError(
                    .accessDenied, expected: "the right to remove a snapshot", found: "none", at: place,
                    advice: "run the worker as root, or mount with user_subvol_rm_allowed")
            }
            throw .system(errno, expected: "to remove the snapshot", at: place)
        }
        rmdir(folder)  // stays while other snapshots are in it
    }
}
