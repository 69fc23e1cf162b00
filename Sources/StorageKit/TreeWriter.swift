/// Receives a restored tree.
///
/// Calls block and are made on the caller's own threads. Order: directories before what is in them; a file is created, written
/// in any order of ranges, then finished; metadata of directories comes last, deepest first.
/// An implementation must never follow a symbolic link out of its root.
public protocol TreeWriter: Sendable {
    /// Makes a directory, and its parents, writable for us until its metadata is set. Existing ones are kept.
    func makeDirectory(_ path: TreePath) throws

    /// Opens a new file of `size` bytes. What stands there already is `.exists` unless the destination was told to overwrite.
    func createFile(_ path: TreePath, size: Int64) throws -> any FileWriter

    /// Makes what has no content: a symbolic link, device or fifo. One that is there and is the same stays. Metadata is set as well, as by
    /// `setMetadata`: returns what could not be set.
    func createSpecial(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError]

    /// Makes `path` another name of the file `existing`, restored before. Where it is that already, it stays; a file that holds the same bytes
    /// becomes that name.
    func link(_ path: TreePath, to existing: TreePath) throws

    /// Owner, mode, times and extended attributes of a file or directory that is there: set, and removed where they were not stored, until they
    /// are what was stored. Returns what could not be set (for example owners, when not root).
    func setMetadata(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError]

    /// Opens the file that stands at `path`, so that one that a restore before brought back whole is known as such. Nil when there is none,
    /// or where nobody can tell.
    func existing(_ path: TreePath) throws -> (any FileReader)?

    /// Called once after everything else: what was restored is durable when it returns.
    func finish() throws
}

extension TreeWriter {
    public func existing(_ path: TreePath) throws -> (any FileReader)? { nil }
    public func finish() throws {}
}

/// A file being restored. Ranges may come from several threads at once.
public protocol FileWriter: Sendable {
    /// Writes bytes at an offset. Zero runs may be left out: the file starts as one hole.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws
    /// Called once after the last write.
    func finish() throws
    /// Called once instead of `finish` when the restore of this file failed: nothing half-written stays.
    func abandon()
}
