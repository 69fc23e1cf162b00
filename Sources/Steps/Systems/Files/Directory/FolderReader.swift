import HostKit
import Basics
import Glibc
import StepKit
import StorageKit

/// A folder as it is now, as a tree. Paths are resolved without following links; what vanishes or can't be read is reported, not guessed.
final class FolderReader: TreeReader {
    let logicalPath: TreePath
    private let root: FolderHandle
    private let status: FileStatus
    private let selection: Selection
    private let oneFileSystem: Bool

    /// `path` is the folder, which is recorded as `logicalPath`: as itself where nothing is said.
    init(
        path: String, logicalPath: TreePath? = nil, selection: Selection = Selection(), oneFileSystem: Bool = false
    ) throws(StorageError) {
        root = try FolderHandle(opening: path)
        self.logicalPath = logicalPath ?? TreePath(path)
        status = FileStatus(root: self.logicalPath, rootDevice: try root.status().st_dev)
        self.selection = selection
        self.oneFileSystem = oneFileSystem
    }

    func metadata(of path: TreePath) throws -> FileMetadata {
        guard let name = path.parts.last else {
            var metadata = status.metadata(try root.status(), at: path)
            metadata.extendedAttributes = try ExtendedAttributes.read(".", in: root)
            return metadata
        }
        let folder = try root.folder(TreePath(Array(path.parts.dropLast())))
        return try metadata(of: name, in: folder, at: path, try folder.status(name)) { _ in }
    }

    func list(_ directory: TreePath) throws -> TreeListing {
        let folder = try root.folder(directory)
        var entries: [TreeEntry] = []
        var failures: [(name: FileName, error: StorageError)] = []
        let names = try folder.names()
        let whole = TreePath(logicalPath.parts + directory.parts)
        let markers = selection.markers(in: folder, names, at: whole)
        for name in names {
            let path = directory.appending(name)
            if directory.parts.isEmpty, name == SnapshotFolder.name { continue }
            if markers.contains(where: { $0.name != name }) || selection.excludes(whole.appending(name)) { continue }
            do {
                StillWorking.current?.say()
                let found = try folder.status(name)
                let isFolder = found.st_mode & S_IFMT == S_IFDIR
                if !isFolder, selection.excludes(whole.appending(name), bytes: Int64(found.st_size)) { continue }
                var metadata = try metadata(of: name, in: folder, at: path, found) { failures.append((name, $0)) }
                // Another file system's folder is recorded, empty, so that a restore has the place to mount it.
                if oneFileSystem, !status.isOnRootDevice(found) {
                    guard isFolder else { continue }
                    metadata.linkCount = 2
                }
                entries.append(TreeEntry(name: name, metadata: metadata))
            } catch {
                failures.append((name, error))
            }
        }
        if oneFileSystem, !directory.parts.isEmpty, !status.isOnRootDevice(try folder.status()) { return TreeListing(entries: []) }
        return TreeListing(entries: entries, failures: failures)
    }

    func open(_ file: TreePath) throws -> any FileReader {
        try OpenFile(root: root, path: file, logicalPath: file, status: status)
    }

    private func metadata(
        of name: FileName, in folder: FolderHandle, at path: TreePath, _ found: stat, leftOut: (StorageError) -> Void
    ) throws(StorageError) -> FileMetadata {
        var metadata = status.metadata(found, at: path)
        if metadata.kind == .symbolicLink { metadata.linkTarget = try Self.linkTarget(name, in: folder) }
        metadata.extendedAttributes = try ExtendedAttributes.read(name, in: folder, leftOut: leftOut)
        return metadata
    }

    static func linkTarget(_ name: FileName, in folder: FolderHandle) throws(StorageError) -> [UInt8] {
        var failure: Int32 = 0
        let target = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            let got = FolderHandle.withName(name) { name in
                buffer.withMemoryRebound(to: CChar.self) { readlinkat(folder.descriptor, name, $0.baseAddress!, $0.count) }
            }
            failure = got < 0 ? errno : 0
            count = max(got, 0)
        }
        guard failure == 0 else { throw .system(failure, expected: "the target of a link", at: folder.path + "/" + name.description) }
        return target
    }
}

/// One file of a live folder, open for reading from start to end.
final class OpenFile: FileReader {
    private var descriptor: Int32
    private var content: FileContent
    private let location: String
    private let path: TreePath
    private let status: FileStatus

    init(root: FolderHandle, path: TreePath, logicalPath: TreePath, status: FileStatus) throws(StorageError) {
        location = root.location(path)
        self.path = logicalPath
        self.status = status
        // Reading for a backup should not look like use; only the owner (or root) may ask for that. Non-blocking: a fifo put in the
        // file's place must not hang us.
        let flags = O_RDONLY | O_NONBLOCK
        if let quiet = try? root.open(path, flags | Kernel.openWithoutAccessTime, expected: "a file that can be read") {
            descriptor = quiet
        } else {
            descriptor = try root.open(path, flags, expected: "a file that can be read")
        }
        content = FileContent(descriptor, location: location)
    }

    deinit { close() }

    func metadata() throws -> FileMetadata {
        var found = stat()
        guard fstat(descriptor, &found) == 0 else { throw StorageError.system(errno, expected: "metadata", at: location) }
        guard found.st_mode & S_IFMT == S_IFREG else {
            throw StorageError(
                .changed, expected: "a file", found: "\(FileStatus.kind(found).rawValue)", at: location, advice: "it was replaced meanwhile"
            )
        }
        return status.metadata(found, at: path)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { try content.read(into: buffer) }
    func skipHole() -> Int64 { content.skipHole() }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }
}
