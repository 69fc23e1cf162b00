import Basics
import StorageKit

/// A file tree that a plug-in sends entry by entry, in an order of its own.
struct PluginTreeStream: TreeStream {
    let tree: PluginTree

    var logicalPath: TreePath { tree.logicalPath }
    func metadata(of path: TreePath) throws -> FileMetadata { try tree.metadata(of: path) }
    func next() throws -> StreamedEntry? { try tree.nextEntry() }
    func isAway(after error: StorageError) -> Bool { tree.isAway(after: error) }
    func confirm() throws { try tree.confirm() }
}
