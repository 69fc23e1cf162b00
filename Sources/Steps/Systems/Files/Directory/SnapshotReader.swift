import Basics
import Glibc
import StorageKit
import Synchronization

/// A staged snapshot as the tree that it was caught from: original metadata, cloned contents.
final class SnapshotReader: TreeReader {
    let logicalPath: TreePath
    private let folder: String
    private let held: FolderHandle
    private let place: String
    private let root: SnapshotManifest.Entry
    private let cache: Mutex<Cache>

    /// Manifests read last; a copy walks a tree folder by folder, so a few are enough.
    private struct Cache {
        var manifests: [TreePath: SnapshotManifest] = [:]
        var order: [TreePath] = []
        static let limit = 256

        mutating func keep(_ manifest: SnapshotManifest, for path: TreePath) {
            if manifests.updateValue(manifest, forKey: path) == nil { order.append(path) }
            if order.count > Self.limit { manifests[order.removeFirst()] = nil }
        }
    }

    init(_ snapshot: SnapshotFolder, logicalPath: TreePath) throws(StorageError) {
        guard snapshot.isWhole, case let held = try SnapshotFolder.held(snapshot.whole), SnapshotFolder.isWhole(held) else {
            throw StorageError(
                .notFound, expected: "a whole snapshot", found: "none, or one from before the machine's last start", at: snapshot.whole,
                advice: "retry the job: it takes the window again")
        }
        folder = snapshot.whole
        self.held = held
        place = SnapshotFolder.place(of: held)
        self.logicalPath = logicalPath
        guard let entry = try Self.read(0, in: place, of: folder).entries.first else { throw Self.damaged(folder) }
        root = entry
        cache = Mutex(Cache())
    }

    func metadata(of path: TreePath) throws -> FileMetadata { try entry(path).metadata }

    func list(_ directory: TreePath) throws -> TreeListing {
        TreeListing(entries: try manifest(directory).entries.map { TreeEntry(name: $0.name, metadata: $0.metadata) })
    }

    func open(_ file: TreePath) throws -> any FileReader {
        let entry = try entry(file)
        return try StagedFile(
            path: SnapshotFolder.content(entry.number, in: place), metadata: entry.metadata, shown: "\(folder): \(file.description)")
    }

    private func entry(_ path: TreePath) throws(StorageError) -> SnapshotManifest.Entry {
        guard let name = path.parts.last else { return root }
        let manifest = try manifest(TreePath(Array(path.parts.dropLast())))
        guard let found = manifest.entries.first(where: { $0.name == name }) else {
            throw StorageError(.notFound, expected: "an entry of the snapshot", found: "none", at: folder + ": " + path.description)
        }
        return found
    }

    private func manifest(_ path: TreePath) throws(StorageError) -> SnapshotManifest {
        if let known = cache.withLock({ $0.manifests[path] }) { return known }
        let manifest = try Self.read(try entry(path).number, in: place, of: folder)
        cache.withLock { $0.keep(manifest, for: path) }
        return manifest
    }

    private static func read(_ number: UInt64, in place: String, of folder: String) throws(StorageError) -> SnapshotManifest {
        let path = SnapshotFolder.manifest(number, in: place)
        let file = try StagedFile(path: path, metadata: nil, shown: folder)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let filled = buffer.withUnsafeMutableBytes { space in
                Result { () throws(StorageError) in try file.fill(space) }
            }
            let count = try filled.get()
            if count == 0 { break }
            bytes += buffer.prefix(count)
        }
        guard let manifest = SnapshotManifest(bytes: bytes) else { throw damaged(folder) }
        return manifest
    }

    private static func damaged(_ path: String) -> StorageError {
        StorageError(
            .invalid, expected: "a manifest of the snapshot", found: "other bytes", at: path,
            advice: "retry the job: it takes the window again")
    }
}

/// A file of the staging folder.
private final class StagedFile: FileReader {
    private var descriptor: Int32
    private var content: FileContent
    private let path: String
    private let original: FileMetadata?

    /// `shown`: where it lies, for messages.
    init(path: String, metadata: FileMetadata?, shown: String) throws(StorageError) {
        self.path = shown
        original = metadata
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        content = FileContent(descriptor, location: shown)
        guard descriptor >= 0 else { throw .system(errno, expected: "a file of the snapshot", at: shown) }
    }

    deinit { close() }

    func metadata() throws -> FileMetadata {
        guard let original else { throw StorageError(.unsupported, expected: "a file of the tree", found: "a manifest", at: path) }
        return original
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { try fill(buffer) }
    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(StorageError) -> Int { try content.read(into: buffer) }
    func skipHole() -> Int64 { content.skipHole() }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }
}
