import StorageKit

/// A file that a tree gets besides its own.
struct AddedFile: Sendable {
    var size: Int64
    /// Opens the content: each call fills the buffer, 0 at the end.
    var open: @Sendable () throws -> ((UnsafeMutableRawBufferPointer) throws -> Int)

    init(size: Int64, open: @escaping @Sendable () throws -> ((UnsafeMutableRawBufferPointer) throws -> Int)) {
        self.size = size
        self.open = open
    }

    init(text: String) {
        let bytes = Array(text.utf8)
        self.init(size: Int64(bytes.count)) {
            var rest = bytes[...]
            return { buffer in
                let count = min(buffer.count, rest.count)
                buffer.copyBytes(from: rest.prefix(count))
                rest = rest.dropFirst(count)
                return count
            }
        }
    }
}

/// A tree with a few files more, which stand in for those of the same name.
struct CompletedTree: TreeReader {
    let base: any TreeReader
    let files: [TreePath: AddedFile]

    var logicalPath: TreePath { base.logicalPath }

    func metadata(of path: TreePath) throws -> FileMetadata {
        guard let file = files[path] else { return try base.metadata(of: path) }
        return try metadata(file, in: TreePath(Array(path.parts.dropLast())))
    }

    func list(_ directory: TreePath) throws -> TreeListing {
        var listing = try base.list(directory)
        let added = files.filter { $0.key.parts.dropLast().elementsEqual(directory.parts) }
        guard !added.isEmpty else { return listing }
        listing.entries.removeAll { added[directory.appending($0.name)] != nil }
        for (path, file) in added {
            guard let name = path.parts.last else { continue }
            listing.entries.append(TreeEntry(name: name, metadata: try metadata(file, in: directory)))
        }
        listing.entries.sort { $0.name < $1.name }
        return listing
    }

    func open(_ path: TreePath) throws -> any FileReader {
        guard let file = files[path] else { return try base.open(path) }
        return StreamedContent(try metadata(of: path), try file.open())
    }

    /// Its folder's owner and time; only the owner may read it.
    private func metadata(_ file: AddedFile, in folder: TreePath) throws -> FileMetadata {
        let above = try base.metadata(of: folder)
        return FileMetadata(
            kind: .file, permissions: 0o600, userID: above.userID, groupID: above.groupID, user: above.user, group: above.group,
            deviceID: above.deviceID, size: file.size, modified: above.modified)
    }
}
