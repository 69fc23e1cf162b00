import Basics
import StorageKit
import Synchronization

/// An image as a backup sees it: one file under its logical path.
final class ImageTree: TreeReader {
    let image: any ImageReader
    let logicalPath: TreePath
    let options: ImageOptions
    /// Set to nil when the base's snapshot is not in the repository.
    let base: ImageBase?
    private let file: FileMetadata
    private let outcome: Mutex<ImageReport>

    init(_ image: any ImageReader, at logicalPath: TreePath, base: ImageBase?, modified: FileTime, _ options: ImageOptions) {
        self.image = image
        self.logicalPath = logicalPath
        self.options = options
        self.base = base
        file = FileMetadata(kind: .file, permissions: 0o600, size: image.size, modified: modified, extendedAttributes: image.attributes)
        outcome = Mutex(ImageReport())
    }

    var report: ImageReport { outcome.withLock { $0 } }
    func note(_ change: (inout ImageReport) -> Void) { outcome.withLock { change(&$0) } }

    func confirm() throws { try image.confirm() }
    func metadata(of path: TreePath) -> FileMetadata { file }
    func list(_ directory: TreePath) -> TreeListing { TreeListing(entries: []) }
    func open(_ file: TreePath) throws -> any FileReader {
        throw StorageError(
            .unsupported, expected: "an image, which is read by extents", found: "a reading from start to end", at: "/\(logicalPath)")
    }
}
