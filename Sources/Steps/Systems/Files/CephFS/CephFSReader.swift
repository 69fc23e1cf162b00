import StorageKit

/// A tree of CephFS. ceph-fuse puts a number of the snapshot into the upper 16 bits of an inode's (src/client/fuse_ll.cc, `MAKE_FINO`): without it the
/// number is the file's own, by which the next copy knows it.
struct CephFSReader: TreeReader {
    let files: FolderReader

    var logicalPath: TreePath { files.logicalPath }
    func metadata(of path: TreePath) throws -> FileMetadata { Self.own(try files.metadata(of: path)) }

    func list(_ directory: TreePath) throws -> TreeListing {
        var listing = try files.list(directory)
        for index in listing.entries.indices { listing.entries[index].metadata = Self.own(listing.entries[index].metadata) }
        return listing
    }

    func open(_ file: TreePath) throws -> any FileReader { OpenFile(file: try files.open(file)) }

    private static func own(_ metadata: FileMetadata) -> FileMetadata {
        var metadata = metadata
        metadata.inode &= (1 << 48) - 1
        return metadata
    }

    private final class OpenFile: FileReader {
        let file: any FileReader
        init(file: any FileReader) { self.file = file }
        func metadata() throws -> FileMetadata { own(try file.metadata()) }
        func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { try file.read(into: buffer) }
        func skipHole() throws -> Int64 { try file.skipHole() }
        func close() { file.close() }
    }
}
