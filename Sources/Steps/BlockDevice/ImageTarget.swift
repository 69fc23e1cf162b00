import CLinux
import Foundation
import Glibc
import StorageKit

/// Where an image is restored to: a new file, which gets its name when it is whole, or a device, which is written in place.
final class ImageTarget: ImageWriter {
    private let path: String
    /// Nil for a device.
    private let unfinished: String?
    private let descriptor: Int32
    private let overwrite: Bool

    init(path: String, size: Int64, overwrite: Bool) throws(StorageError) {
        self.path = path
        self.overwrite = overwrite
        var found = stat()
        let exists = stat(path, &found) == 0
        guard !exists || overwrite else {
            throw StorageError(
                .exists, expected: "nothing there", found: "a device or file, which a restore would replace", at: path,
                advice: "choose another place, or allow overwriting (`overwrite: true`)")
        }
        if exists, found.st_mode & S_IFMT == S_IFBLK {
            unfinished = nil
            descriptor = try Self.openDevice(path, size: size)
            return
        }
        guard !exists || found.st_mode & S_IFMT == S_IFREG else {
            throw StorageError(
                .unsupported, expected: "a block device, an image file, or nothing", found: "something else", at: path,
                advice: "choose another place")
        }
        let name = (path as NSString).deletingLastPathComponent + "/.snappy-flow-\(String(UInt64.random(in: 0 ... .max), radix: 36)).part"
        unfinished = name
        descriptor = Glibc.open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system(errno, expected: "an image file that can be made", at: path) }
        if ftruncate(descriptor, off_t(size)) != 0 {
            let code = errno
            unlink(name)
            Glibc.close(descriptor)
            throw .system(code, expected: "a file of \(size) bytes", at: path)
        }
    }

    /// O_EXCL: a device that is mounted, or used by another device, is refused by the kernel.
    private static func openDevice(_ path: String, size: Int64) throws(StorageError) -> Int32 {
        let descriptor = Glibc.open(path, O_RDWR | O_EXCL | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == EBUSY else { throw .system(errno, expected: "a device that can be written", at: path) }
            throw StorageError(
                .failed, expected: "a device that nobody uses", found: "it is mounted, or part of another device", at: path,
                advice: "unmount it; see `lsblk` and `/proc/mounts`")
        }
        let room = Int64(lseek(descriptor, 0, SEEK_END))
        guard room >= size else {
            Glibc.close(descriptor)
            throw StorageError(
                .noSpace, expected: "room for an image of \(size) bytes", found: "a device of \(room) bytes", at: path,
                advice: "choose a device that is at least as large")
        }
        return descriptor
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        try BlockWriting.write(bytes, to: descriptor, at: offset, location: path)
    }

    func zero(_ range: Range<Int64>) throws {
        guard unfinished == nil, !range.isEmpty else { return }  // a new file is one hole
        if linux_zero_range(descriptor, range.lowerBound, range.upperBound - range.lowerBound) == 0 { return }
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count = min(zeros.count, Int(range.upperBound - offset))
            try zeros.withUnsafeBytes { bytes in
                try BlockWriting.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]), to: descriptor, at: offset, location: path)
            }
            offset += Int64(count)
        }
    }

    func finish() throws {
        guard fsync(descriptor) == 0 else { throw StorageError.system(errno, expected: "the image on disk", at: path) }
        if let unfinished {
            let result = overwrite ? rename(unfinished, path) : linux_rename_new(AT_FDCWD, unfinished, AT_FDCWD, path)
            guard result == 0 else { throw StorageError.system(errno, expected: "to name the restored image", at: path) }
            let folder = try FolderHandle(opening: (path as NSString).deletingLastPathComponent)
            guard fsync(folder.descriptor) == 0 else { throw StorageError.system(errno, expected: "the image's name on disk", at: path) }
        }
        Glibc.close(descriptor)
    }

    func abandon() {
        if let unfinished { unlink(unfinished) }
        Glibc.close(descriptor)
    }
}
