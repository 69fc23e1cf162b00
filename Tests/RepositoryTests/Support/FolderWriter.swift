import Basics
import Foundation
import StorageKit

/// Restores into a local folder, for tests.
struct FolderWriter: TreeWriter {
    let path: String

    init(_ path: String) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    private func withPath<Value>(_ below: TreePath, _ body: (UnsafePointer<CChar>) -> Value) -> Value {
        ((Array(path.utf8) + [0x2F] + below.bytes).map(CChar.init(bitPattern:)) + [0]).withUnsafeBufferPointer { body($0.baseAddress!) }
    }

    private func check(_ result: Int32, _ path: TreePath) throws {
        guard result >= 0 else {
            throw StorageError(
                errno == EEXIST ? .exists : errno == ENOSPC ? .noSpace : .failed, expected: "a new file",
                found: String(cString: strerror(errno)),
                at: path.description)
        }
    }

    func makeDirectory(_ path: TreePath) throws {
        for count in 1...path.parts.count {
            let part = TreePath(Array(path.parts.prefix(count)))
            if withPath(part, { mkdir($0, 0o700) }) != 0, errno != EEXIST { try check(-1, part) }
        }
    }

    func createFile(_ path: TreePath, size: Int64) throws -> any FileWriter {
        if path.parts.count > 1 { try makeDirectory(TreePath(Array(path.parts.dropLast()))) }
        let descriptor = withPath(path) { Foundation.open($0, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
        try check(descriptor, path)
        ftruncate(descriptor, off_t(size))
        return File(descriptor: descriptor, writer: self, path: path)
    }

    struct File: FileWriter {
        let descriptor: Int32
        let writer: FolderWriter
        let path: TreePath

        func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
            guard pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset)) == bytes.count else {
                return try writer.check(-1, path)
            }
        }
        func finish() throws { close(descriptor) }
        func abandon() {
            close(descriptor)
            _ = writer.withPath(path) { unlink($0) }
        }
    }

    func createSpecial(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        switch metadata.kind {
        case .symbolicLink:
            let target = metadata.linkTarget.map(CChar.init(bitPattern:)) + [0]
            try check(withPath(path) { symlink(target, $0) }, path)
        case .fifo: try check(withPath(path) { mkfifo($0, mode_t(metadata.permissions)) }, path)
        default:
            try check(
                withPath(path) { mknod($0, (metadata.kind == .blockDevice ? S_IFBLK : S_IFCHR) | 0o600, dev_t(metadata.device)) }, path)
        }
        return try setMetadata(path, metadata)
    }

    func link(_ path: TreePath, to existing: TreePath) throws {
        try check(withPath(existing) { existing in withPath(path) { Foundation.link(existing, $0) } }, path)
    }

    func setMetadata(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        _ = withPath(path) { lchown($0, metadata.userID, metadata.groupID) }
        if metadata.kind != .symbolicLink { _ = withPath(path) { chmod($0, mode_t(metadata.permissions)) } }
        func time(_ time: FileTime) -> timespec { timespec(tv_sec: Int(time.seconds), tv_nsec: Int(time.nanoseconds)) }
        let times = [time(metadata.accessed), time(metadata.modified)]
        try check(withPath(path) { utimensat(AT_FDCWD, $0, times, AT_SYMLINK_NOFOLLOW) }, path)
        return []
    }
}
