import Basics
import StorageKit

/// A dataset's tree. Where another dataset is mounted below, its snapshot has an empty folder: that is said, not taken for what was there.
struct DatasetReader: TreeReader {
    let files: FolderReader
    /// The places below at which other datasets are mounted, by their names.
    let nested: [TreePath: String]

    private static let control: FileName = ".zfs"

    var logicalPath: TreePath { files.logicalPath }
    func metadata(of path: TreePath) throws -> FileMetadata { try files.metadata(of: path) }
    func open(_ file: TreePath) throws -> any FileReader { try files.open(file) }

    func list(_ directory: TreePath) throws -> TreeListing {
        var listing = try files.list(directory)
        // With `snapdir=visible` every snapshot would be part of every copy.
        if directory.parts.isEmpty { listing.entries.removeAll { $0.name == Self.control } }
        for entry in listing.entries {
            let path = directory.appending(entry.name)
            guard let dataset = nested[path] else { continue }
            listing.failures.append(
                (
                    entry.name,
                    StorageError(
                        .unsupported, expected: "a folder of this dataset",
                        found: "the dataset \(dataset), which the snapshot does not hold", at: "/\(logicalPath)/\(path)",
                        advice: "declare it as a system of its own, and `excludes` it here or say `nested: skip`")
                ))
        }
        return listing
    }
}
