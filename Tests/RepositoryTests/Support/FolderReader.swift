import Basics
import Foundation
import StorageKit

/// A local folder as a tree, for tests: enough of stat(2) to compare with restic's reading of the same folder.
struct FolderReader: TreeReader {
    let path: String
    let logicalPath: TreePath
    /// Called before a file is opened.
    var opening: (@Sendable (TreePath) throws -> Void)?

    /// Called after a file's first read.
    var reading: (@Sendable (TreePath) throws -> Void)?

    init(
        _ path: String, logicalPath: String? = nil, opening: (@Sendable (TreePath) throws -> Void)? = nil,
        reading: (@Sendable (TreePath) throws -> Void)? = nil
    ) {
        self.reading = reading
        self.path = path
        self.logicalPath = TreePath(logicalPath ?? path)
        self.opening = opening
    }

    func metadata(of path: TreePath) throws -> FileMetadata { try Self.metadata(Array(self.path.utf8) + [0x2F] + path.bytes) }

    static func metadata(_ full: [UInt8]) throws -> FileMetadata {
        var status = stat()
        let failed = (full.map(CChar.init(bitPattern:)) + [0]).withUnsafeBufferPointer {
            lstat($0.baseAddress ?? UnsafePointer(bitPattern: 1)!, &status)
        }
        guard failed == 0 else { throw error(full) }
        var metadata = metadata(status)
        if metadata.kind == .symbolicLink {
            var target = [CChar](repeating: 0, count: 4096)
            let count = (full.map(CChar.init(bitPattern:)) + [0]).withUnsafeBufferPointer {
                readlink($0.baseAddress!, &target, target.count)
            }
            metadata.linkTarget = target.prefix(max(count, 0)).map(UInt8.init(bitPattern:))
        }
        return metadata
    }

    static func error(_ full: [UInt8]) -> StorageError {
        StorageError(
            errno == ENOENT ? .notFound : .accessDenied, expected: "a readable file", found: String(cString: strerror(errno)),
            at: String(decoding: full, as: UTF8.self))
    }

    static func metadata(_ status: stat) -> FileMetadata {
        let kind: FileKind =
            switch status.st_mode & S_IFMT {
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            case S_IFBLK: .blockDevice
            case S_IFCHR: .characterDevice
            case S_IFIFO: .fifo
            case S_IFSOCK: .socket
            default: .file
            }
        func time(_ time: timespec) -> FileTime { FileTime(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec)) }
        return FileMetadata(
            kind: kind, permissions: UInt16(status.st_mode & 0o7777), userID: status.st_uid, groupID: status.st_gid,
            user: status.st_uid == 0 ? "root" : "", group: status.st_gid == 0 ? "root" : "", inode: UInt64(status.st_ino),
            deviceID: UInt64(status.st_dev), linkCount: UInt64(status.st_nlink), size: kind == .file ? Int64(status.st_size) : 0,
            modified: time(status.st_mtim), accessed: time(status.st_atim), changed: time(status.st_ctim), device: UInt64(status.st_rdev))
    }

    func list(_ directory: TreePath) throws -> TreeListing {
        let folder = Array(path.utf8) + [0x2F] + directory.bytes
        guard let stream = (folder.map(CChar.init(bitPattern:)) + [0]).withUnsafeBufferPointer({ opendir($0.baseAddress!) }) else {
            throw Self.error(folder)
        }
        defer { closedir(stream) }
        var entries: [TreeEntry] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix(while: { $0 != 0 })) }
            if name == [0x2E] || name == [0x2E, 0x2E] { continue }
            entries.append(TreeEntry(name: FileName(bytes: name), metadata: try Self.metadata(folder + [0x2F] + name)))
        }
        return TreeListing(entries: entries.sorted { $0.name < $1.name })
    }

    func open(_ file: TreePath) throws -> any FileReader {
        try opening?(file)
        let full = Array(path.utf8) + [0x2F] + file.bytes
        let descriptor = (full.map(CChar.init(bitPattern:)) + [0]).withUnsafeBufferPointer {
            Foundation.open($0.baseAddress!, O_RDONLY | O_CLOEXEC)
        }
        guard descriptor >= 0 else { throw Self.error(full) }
        return OpenFile(descriptor) { [reading] in try reading?(file) }
    }

    final class OpenFile: FileReader {
        let descriptor: Int32
        private var reading: (() throws -> Void)?

        init(_ descriptor: Int32, reading: @escaping () throws -> Void) {
            self.descriptor = descriptor
            self.reading = reading
        }

        func metadata() throws -> FileMetadata {
            var status = stat()
            fstat(descriptor, &status)
            return FolderReader.metadata(status)
        }

        func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            let count = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
            guard count >= 0 else { throw FolderReader.error(Array("an open file".utf8)) }
            try reading?()
            reading = nil
            return count
        }

        func close() { Foundation.close(descriptor) }
    }
}
