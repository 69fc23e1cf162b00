import HostKit
import Basics
import Glibc
import StepKit
import StorageKit

/// A block device or image file, open for reading.
final class DeviceImage: ImageReader {
    let size: Int64
    /// A page: what SEEK_DATA and shared extents are told in.
    let granularity: Int64 = 4096
    private let descriptor: Int32
    private let path: String
    /// Where the clone of a key lies.
    private let clone: @Sendable (String) -> String

    /// `isClone`: one that we made.
    init(path: String, isClone: Bool, clone: @escaping @Sendable (String) -> String) throws(StorageError) {
        self.path = path
        self.clone = clone
        // Non-blocking: a fifo in the image's place must not hang us.
        descriptor = isClone ? try ImageClone.open(path, O_RDONLY) : Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system(errno, expected: "a device or image file that can be read", at: path) }
        var found = stat()
        guard fstat(descriptor, &found) == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw .system(code, expected: "what kind of file it is", at: path)
        }
        let kind = found.st_mode & S_IFMT
        size = kind == S_IFREG || kind == S_IFBLK ? Int64(lseek(descriptor, 0, SEEK_END)) : -1
        guard size >= 0 else {
            Glibc.close(descriptor)
            throw StorageError(
                .unsupported, expected: "a block device or a regular file", found: "neither (mode \(String(found.st_mode, radix: 8)))",
                at: path, advice: "give the path of a device or of an image file")
        }
    }

    deinit { Glibc.close(descriptor) }

    func allocatedExtents() throws -> [Range<Int64>] { try SparseExtents.data(of: descriptor, size: size, at: path) }

    /// What no longer shares its place on the disk with the clone that the base is.
    func changedExtents(since base: JSONValue) throws -> [Range<Int64>]? {
        guard let former = try? base.decoded(as: SystemSnapshot.self) else { return nil }
        let other = Glibc.open(clone(former.key), O_RDONLY | O_CLOEXEC)
        guard other >= 0 else { return nil }
        defer { Glibc.close(other) }
        guard let ours = SharedExtents(descriptor), let theirs = SharedExtents(other) else { return nil }
        return ours.changes(since: theirs, size: size)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws {
        var done = 0
        while done < buffer.count {
            let got = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + off_t(done))
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw StorageError.system(errno, expected: "bytes at \(offset + Int64(done))", at: path) }
            guard got > 0 else {
                throw StorageError(
                    .changed, expected: size.counted("byte"), found: "an end at \(offset + Int64(done))", at: path,
                    advice: "the image became shorter while it was read; read from a snapshot", retry: .transient)
            }
            done += got
        }
    }
}
