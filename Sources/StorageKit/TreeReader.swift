import Basics

/// A point in time readable as a file tree.
///
/// Calls block and are made on the caller's own threads, several at once; an implementation over a network blocks there.
/// Errors are `StorageError`; `.notFound` for what vanished, `.accessDenied` for what may not be read.
public protocol TreeReader: Sendable {
    /// The absolute path under which the tree is recorded: where the data lives, not where a snapshot of it is mounted.
    var logicalPath: TreePath { get }

    /// Metadata of one entry; the root is the empty path.
    func metadata(of path: TreePath) throws -> FileMetadata

    /// The entries of a directory with their metadata, in ascending order of names, excluded ones left out.
    /// An entry whose metadata could not be read is in `failures` instead.
    func list(_ directory: TreePath) throws -> TreeListing

    /// Opens a file for one reading from start to end.
    func open(_ file: TreePath) throws -> any FileReader

    /// So many files of a folder are best read at once; one unless said otherwise.
    var readsAtOnce: Int { get }

    /// Asked with the error of one entry: true when the whole tree can't be read any more, for its system is away. Going on would miss everything
    /// that is left of it, and call that a copy.
    func isAway(after error: StorageError) -> Bool

    /// Asked once, after everything was read and before it counts as a copy: throws where the point in time that was read is not there any more, so
    /// that what was read of it may be of another.
    func confirm() throws
}

extension TreeReader {
    public var readsAtOnce: Int { 1 }
    public func confirm() throws {}

    /// The root, which was read already, does not answer any more.
    public func isAway(after error: StorageError) -> Bool {
        guard [.unavailable, .failed, .fileSystem, .notFound].contains(error.kind) else { return false }
        return (try? metadata(of: TreePath([]))) == nil
    }
}

public struct TreeEntry: Sendable, Hashable {
    public var name: FileName
    public var metadata: FileMetadata
    public init(name: FileName, metadata: FileMetadata) {
        self.name = name
        self.metadata = metadata
    }
}

public struct TreeListing: Sendable {
    public var entries: [TreeEntry]
    public var failures: [(name: FileName, error: StorageError)]
    public init(entries: [TreeEntry], failures: [(name: FileName, error: StorageError)] = []) {
        self.entries = entries
        self.failures = failures
    }
}

/// One open file. Used by one thread at a time.
public protocol FileReader: AnyObject {
    /// Metadata of what is really open, so that a file replaced after listing is recorded as it was read. Extended attributes are those
    /// of the listing.
    func metadata() throws -> FileMetadata
    /// Fills the buffer as far as possible. 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
    /// Passes over a hole that begins where the next `read` would: returns how many zeros are in it, which are not read then. 0 where data follow,
    /// at the end, and where nobody can tell.
    func skipHole() throws -> Int64
    func close()
}

extension FileReader {
    public func skipHole() throws -> Int64 { 0 }
}
