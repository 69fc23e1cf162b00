import Basics

/// A tree that its source sends once, in an order of its own: a base backup, a tar stream.
///
/// Nothing can be listed or opened; entries are taken one after another with `next`. Folders come before what is in them where the source
/// sends them at all. A stream cannot be entered again: a copy that is repeated takes it anew from the start, deduplicated.
public protocol TreeStream: TreeReader {
    /// The next entry; nil at the end of a whole stream. A stream that broke off throws: half of it is no copy.
    /// The content of an entry is read before the next entry is taken.
    func next() throws -> StreamedEntry?
}

public struct StreamedEntry {
    /// Below the tree's root.
    public var path: TreePath
    public var metadata: FileMetadata
    /// What a file holds; nil for everything else.
    public var content: (any FileReader)?
    public init(path: TreePath, metadata: FileMetadata, content: (any FileReader)? = nil) {
        self.path = path
        self.metadata = metadata
        self.content = content
    }
}

extension TreeStream {
    public func list(_ directory: TreePath) throws -> TreeListing { throw unlistable }
    public func open(_ file: TreePath) throws -> any FileReader { throw unlistable }

    private var unlistable: StorageError {
        StorageError(
            .unsupported, expected: "a tree that can be listed", found: "a stream, which is taken as it comes", at: "/\(logicalPath)",
            advice: "copy it; a stream can't be browsed or sampled")
    }
}
