import Basics
import StorageKit

/// A snapshot's tree. Where the original had a subvolume below, the snapshot has an empty folder: that is said, not taken for what was there.
struct SubvolumeReader: TreeReader {
    let files: FolderReader
    let missesNested: Bool

    /// The number of such a folder (linux/btrfs_tree.h, BTRFS_EMPTY_SUBVOL_DIR_OBJECTID).
    private static let emptyFolder: UInt64 = 2

    var logicalPath: TreePath { files.logicalPath }
    func metadata(of path: TreePath) throws -> FileMetadata { try files.metadata(of: path) }
    func open(_ file: TreePath) throws -> any FileReader { try files.open(file) }

    func list(_ directory: TreePath) throws -> TreeListing {
        var listing = try files.list(directory)
        guard missesNested else { return listing }
        for entry in listing.entries where entry.metadata.kind == .directory && entry.metadata.inode == Self.emptyFolder {
            listing.failures.append(
                (
                    entry.name,
                    StorageError(
                        .unsupported, expected: "a folder of this subvolume",
                        found: "a subvolume of its own, which the snapshot does not hold",
                        at: "/\(logicalPath)/\(directory.appending(entry.name))",
                        advice: "declare it as a system of its own, and `excludes` it here or say `nested: skip`")
                ))
        }
        return listing
    }
}
