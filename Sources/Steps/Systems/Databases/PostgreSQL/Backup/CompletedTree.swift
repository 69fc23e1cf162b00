import Foundation
import StorageKit

/// A snapshot of a data folder made into a base backup: with the label, the WAL, and without what belongs to the running server alone (PostgreSQL
/// manual 26.3.4, what may be left out).
struct CompletedTree: TreeReader {
    private let base: any TreeReader
    /// The data folder, below the tree's root.
    private let data: TreePath
    private let files: [TreePath: AddedFile]
    /// The whole of pg_wal is ours, also where the server's is a link to another place: of the snapshot's only timeline histories stay.
    private let wal: TreePath
    private let openedAt: FileTime
    /// Of the added files: no other copy's has it, so that none is taken for that of the copy before.
    private let time: FileTime

    /// `files`: by their paths below the data folder; they stand in for those of the same name.
    /// `openedAt`: by the clock of the host that has the files, the beginning of the window.
    init(_ base: any TreeReader, data: TreePath, files: [TreePath: AddedFile], openedAt: FileTime) {
        self.base = base
        self.data = data
        self.openedAt = openedAt
        let now = Date.now.timeIntervalSince1970
        time = FileTime(seconds: Int64(now), nanoseconds: Int32((now - now.rounded(.down)) * 1e9))
        self.files = Dictionary(uniqueKeysWithValues: files.map { (TreePath(data.parts + $0.key.parts), $0.value) })
        wal = data.appending(DataFolderFiles.wal)
    }

    var logicalPath: TreePath { base.logicalPath }
    var readsAtOnce: Int { base.readsAtOnce }
    func isAway(after error: StorageError) -> Bool { base.isAway(after: error) }
    func confirm() throws { try base.confirm() }

    func metadata(of path: TreePath) throws -> FileMetadata {
        if let file = files[path] { return try metadata(file, in: TreePath(Array(path.parts.dropLast()))) }
        return path == wal ? try walFolder() : try base.metadata(of: path)
    }

    func list(_ directory: TreePath) throws -> TreeListing {
        var listing = TreeListing(entries: [])
        if directory == wal {
            if try base.metadata(of: wal).kind == .directory { listing = try base.list(wal) }
            listing.entries.removeAll { !DataFolderFiles.isTimelineHistory($0.name) }
        } else {
            listing = try base.list(directory)
            if directory.parts.starts(with: data.parts) {
                let below = Array(directory.parts.dropFirst(data.parts.count))
                listing.entries.removeAll { DataFolderFiles.isOfTheServerAlone(TreePath(below + [$0.name])) }
            }
            if directory == data, let index = listing.entries.firstIndex(where: { $0.name == DataFolderFiles.wal }) {
                listing.entries[index].metadata = try walFolder()
            }
        }
        for (path, file) in files where path.parts.dropLast().elementsEqual(directory.parts) {
            guard let name = path.parts.last else { continue }
            listing.entries.removeAll { $0.name == name }
            listing.entries.append(TreeEntry(name: name, metadata: try metadata(file, in: directory)))
        }
        listing.entries.sort { $0.name < $1.name }
        return listing
    }

    func open(_ path: TreePath) throws -> any FileReader {
        if let file = files[path] { return StreamedContent(try metadata(of: path), try file.open()) }
        return UnsettledFile(base: try base.open(path), openedAt: openedAt)
    }

    private func walFolder() throws -> FileMetadata {
        let found = try base.metadata(of: wal)
        return found.kind == .directory ? found : try base.metadata(of: data)
    }

    /// Its folder's owner; only the owner may read it.
    private func metadata(_ file: AddedFile, in folder: TreePath) throws -> FileMetadata {
        let above = try metadata(of: folder)
        return FileMetadata(
            kind: .file, permissions: 0o600, userID: above.userID, groupID: above.groupID, user: above.user, group: above.group,
            deviceID: above.deviceID, size: file.size, modified: time)
    }
}

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

/// A file that may have been written again after it was caught, within one tick of the clock by which its changes are told: one that changed since
/// the window opened is recorded so that the next copy reads it anew.
private final class UnsettledFile: FileReader {
    private let base: any FileReader
    private let openedAt: FileTime

    init(base: any FileReader, openedAt: FileTime) {
        self.base = base
        self.openedAt = openedAt
    }

    func metadata() throws -> FileMetadata {
        var metadata = try base.metadata()
        if metadata.changed.seconds >= openedAt.seconds - 1 { metadata.changed = FileTime(seconds: 0) }
        return metadata
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { try base.read(into: buffer) }
    func skipHole() throws -> Int64 { try base.skipHole() }
    func close() { base.close() }
}
