import HostKit
import Basics
import Glibc
import StepKit
import StorageKit

/// Catches a folder as it is now: clones each file where the file system can share extents (ioctl_ficlone(2)), else copies it, at most
/// `limit` bytes in all, because an application may be waiting.
///
/// Blocks; runs on one thread. Used once.
final class SnapshotBuilder {
    private let source: FolderReader
    private let sourceRoot: FolderHandle
    private let target: SnapshotFolder
    private let method: DirectoryMethod
    /// Bytes that may be copied; nil: none may.
    private let limit: ByteCount?
    private let isStopped: @Sendable () -> Bool
    /// The unfinished snapshot's folder.
    private var place = ""
    private var copied: Int64 = 0
    private var buffer = [UInt8](repeating: 0, count: 1 << 20)
    private var lastNumber: UInt64 = 0
    /// The content of files with several names is caught once.
    private var linked: [LinkIdentity: UInt64] = [:]

    private struct LinkIdentity: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    init(
        source: FolderReader, path: String, target: SnapshotFolder, method: DirectoryMethod, limit: ByteCount?,
        isStopped: @escaping @Sendable () -> Bool
    ) throws(StorageError) {
        self.source = source
        sourceRoot = try FolderHandle(opening: path)
        self.target = target
        self.method = method
        self.limit = limit
        self.isStopped = isStopped
    }

    /// Number of files and of copied (not cloned) bytes.
    struct Outcome: Sendable {
        var files: Int
        var copied: ByteCount
    }

    func build() throws -> Outcome {
        try target.remove()
        try makeFolders(target.partial)
        let held = try SnapshotFolder.held(target.partial)
        defer { withExtendedLifetime(held) {} }
        place = SnapshotFolder.place(of: held)
        let root = SnapshotManifest(entries: [
            SnapshotManifest.Entry(name: "/", metadata: try source.metadata(of: TreePath()), number: next())
        ])
        try write(root, 0)
        var pending: [(path: TreePath, number: UInt64)] = [(TreePath(), root.entries[0].number)]
        var files = 0
        while let (path, number) = pending.popLast() {
            if isStopped() { throw CancellationError() }
            var manifest = SnapshotManifest()
            let listing = try list(path)
            for entry in listing.entries {
                var entry = SnapshotManifest.Entry(name: entry.name, metadata: entry.metadata, number: 0)
                let child = path.appending(entry.name)
                switch entry.metadata.kind {
                case .directory:
                    entry.number = next()
                    pending.append((child, entry.number))
                case .file:
                    guard let number = try catchFile(child, &entry.metadata) else { continue }
                    entry.number = number
                    files += 1
                case .symbolicLink, .blockDevice, .characterDevice, .fifo, .socket:
                    break
                }
                manifest.entries.append(entry)
            }
            try write(manifest, number)
        }
        try write(Array(SnapshotFolder.boot.utf8), to: place + "/" + SnapshotFolder.mark)
        guard rename(target.partial, target.whole) == 0 else {
            throw StorageError.system(errno, expected: "to name the finished snapshot", at: target.whole)
        }
        return Outcome(files: files, copied: ByteCount(bytes: copied))
    }

    /// A folder that vanished since it was listed is empty; anything unreadable fails the snapshot: a hole in a point in time is no
    /// snapshot.
    private func list(_ path: TreePath) throws -> TreeListing {
        let listing = try source.list(path)
        if let failure = listing.failures.first(where: { $0.error.kind != .notFound }) { throw failure.error }
        return listing
    }

    private func next() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    /// The number of the file's content; nil when the file has vanished. Metadata becomes that of the file as it was opened.
    private func catchFile(_ path: TreePath, _ metadata: inout FileMetadata) throws -> UInt64? {
        let identity = LinkIdentity(device: metadata.deviceID, inode: metadata.inode)
        if metadata.linkCount > 1, let number = linked[identity] { return number }
        let input: Int32
        do {
            input = try sourceRoot.open(path, O_RDONLY | O_NONBLOCK, expected: "a file that can be read")
        } catch {
            if error.kind == .notFound { return nil }
            throw error
        }
        defer { Glibc.close(input) }
        let number = next()
        let name = SnapshotFolder.content(number, in: place)
        if access(Self.parent(name), F_OK) != 0 { try makeFolders(Self.parent(name)) }
        let output = Glibc.open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw StorageError.system(errno, expected: "to make a file in the staging folder", at: target.partial) }
        defer { Glibc.close(output) }
        let location = sourceRoot.location(path)
        if method == .copy || Kernel.clone(output, from: input) != 0 {
            let reason = method == .copy ? 0 : errno
            try copyFile(from: input, to: output, reason: reason, location: location)
        }
        var status = stat()
        if fstat(output, &status) == 0 { metadata.size = Int64(status.st_size) }
        if metadata.linkCount > 1 { linked[identity] = number }
        return number
    }

    private func copyFile(from input: Int32, to output: Int32, reason: Int32, location: String) throws {
        guard method != .reflink, let limit else {
            throw StorageError(
                .unsupported, expected: "a file system that can clone files (xfs, btrfs), with the staging folder on it",
                found: reason == 0 ? "no limit to copy under" : String(cString: strerror(reason)), at: location,
                advice: "declare `staging: SIZE` to allow a bounded copy, or put `stagingFolder` on the same file system")
        }
        var status = stat()
        guard fstat(input, &status) == 0 else { throw StorageError.system(errno, expected: "metadata", at: location) }
        let size = Int64(status.st_size)
        guard ftruncate(output, off_t(size)) == 0 else {
            throw StorageError.system(errno, expected: "room in the staging folder", at: target.partial)
        }
        // Holes cost nothing.
        for extent in try SparseExtents.data(of: input, size: size, at: location) {
            var offset = extent.lowerBound
            while offset < extent.upperBound {
                if isStopped() { throw CancellationError() }
                let count = try copyPiece(
                    from: input, to: output, at: offset, Int(min(extent.upperBound - offset, limit.bytes - copied + 1)), location)
                if count == 0 { return }
                offset += count
                copied += count
                guard copied <= limit.bytes else {
                    throw StorageError(
                        .noSpace, expected: "at most \(limit) to copy while the application rests", found: "more, at \(location)",
                        at: target.staging,
                        advice:
                            "raise `staging:` (and `maxHold:`), exclude what needs no snapshot, or use a file system that can clone files")
                }
            }
        }
    }

    /// Copies what fits the buffer and returns how much that was; 0 at the end. Plain reads and writes: copy_file_range(2) took more than
    /// twice their time for small files (ext4, Linux 6.18), and an application is waiting.
    private func copyPiece(from input: Int32, to output: Int32, at offset: Int64, _ most: Int, _ location: String) throws -> Int64 {
        try buffer.withUnsafeMutableBytes { buffer in
            let got = pread(input, buffer.baseAddress, min(most, buffer.count), off_t(offset))
            guard got >= 0 else { throw StorageError.system(errno, expected: "bytes of the file", at: location) }
            var written = 0
            while written < got {
                let count = pwrite(output, buffer.baseAddress! + written, got - written, off_t(offset) + off_t(written))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw StorageError.system(errno, expected: "room in the staging folder", at: target.partial) }
                written += count
            }
            return Int64(got)
        }
    }

    private func write(_ manifest: SnapshotManifest, _ number: UInt64) throws {
        let name = SnapshotFolder.manifest(number, in: place)
        if access(Self.parent(name), F_OK) != 0 { try makeFolders(Self.parent(name)) }
        try write(manifest.bytes, to: name)
    }

    private func write(_ bytes: [UInt8], to name: String) throws {
        let output = Glibc.open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw StorageError.system(errno, expected: "to make a file in the staging folder", at: target.partial) }
        defer { Glibc.close(output) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(output, $0.baseAddress! + written, $0.count - written) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StorageError.system(errno, expected: "room in the staging folder", at: target.partial) }
            written += count
        }
    }

    private static func parent(_ path: String) -> String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "/" }

    private func makeFolders(_ path: String) throws {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/" + part
            if mkdir(made, 0o700) != 0, errno != EEXIST, access(made, F_OK) != 0 {
                throw StorageError.system(errno, expected: "a staging folder that can be made", at: made)
            }
        }
    }
}
