import HostKit
import Basics
import Foundation
import Glibc
import StorageKit
import Synchronization

/// Where an image is restored to: a new file, which gets its name when it is whole, or a device, which is written in place.
final class ImageTarget: ImageWriter {
    private enum Place {
        /// The file, and the folder it comes into.
        case file(RestoredFile, in: FolderHandle)
        /// A device, or a file of which a part is written.
        case device(Int32)
    }

    private let path: String
    private let place: Place
    private let hasEnded = Mutex(false)

    init(path given: String, size: Int64, overwrite: Bool) throws(StorageError) {
        let path = try Self.resolved(given)
        self.path = path
        var found = stat()
        let exists = stat(path, &found) == 0
        guard !exists || overwrite else {
            throw StorageError(
                .exists, expected: "nothing there", found: "a device or file, which a restore would replace", at: path,
                advice: "choose another place, or allow overwriting (`overwrite: true`)")
        }
        if exists, found.st_mode & S_IFMT == S_IFBLK {
            place = .device(try Self.openDevice(path, size: size))
            return
        }
        guard exists || !path.hasPrefix("/dev/") || path.hasPrefix("/dev/shm/") else {
            throw StorageError(
                .notFound, expected: "a block device", found: "nothing of that name", at: path,
                advice: "correct the device's name: `lsblk` lists what there is; a file there would lie in memory")
        }
        guard !exists || found.st_mode & S_IFMT == S_IFREG else {
            throw StorageError(
                .unsupported, expected: "a block device, an image file, or nothing", found: "something else", at: path,
                advice: "choose another place")
        }
        let folder = try FolderHandle(opening: (path as NSString).deletingLastPathComponent)
        let name = FileName((path as NSString).lastPathComponent)
        if exists { try Self.refuseInUse(path) }
        let file = try RestoredFile(name: name, in: folder, size: size, overwrite: overwrite)
        if exists { file.adopt(found, (try? ExtendedAttributes.read(name, in: folder)) ?? []) } else { file.setAttributes([]) }
        place = .file(file, in: folder)
    }

    /// A part of what is there.
    init(path given: String, within part: Range<Int64>) throws(StorageError) {
        let path = try Self.resolved(given)
        self.path = path
        var found = stat()
        guard stat(path, &found) == 0 else { throw .system(errno, expected: "an image of which a part is to be restored", at: path) }
        if found.st_mode & S_IFMT == S_IFBLK {
            place = .device(try Self.openDevice(path, size: part.upperBound))
            return
        }
        guard found.st_mode & S_IFMT == S_IFREG, Int64(found.st_size) >= part.upperBound else {
            throw StorageError(
                .noSpace, expected: "an image of at least \(part.upperBound.counted("byte"))", found: "one of \(found.st_size)", at: path,
                advice: "choose another range, or restore the whole image")
        }
        try Self.refuseInUse(path)
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw .system(errno, expected: "an image that can be written", at: path) }
        place = .device(descriptor)
    }

    /// Links are followed: what a restore replaces is the image, never the link to it.
    private static func resolved(_ path: String) throws(StorageError) -> String {
        if let whole = realpath(path, nil) {
            defer { free(whole) }
            return String(cString: whole)
        }
        var link = stat()
        guard lstat(path, &link) != 0 else {
            throw StorageError(
                .notFound, expected: "a place for the image", found: "a link that leads nowhere", at: path,
                advice: "remove the link, or make what it leads to")
        }
        let folder = (path as NSString).deletingLastPathComponent
        guard let whole = realpath(folder, nil) else { throw .system(errno, expected: "a folder for the image", at: folder) }
        defer { free(whole) }
        let parent = String(cString: whole)
        return (parent == "/" ? "" : parent) + "/" + (path as NSString).lastPathComponent
    }

    /// Whoever has the image open, a guest or a loop device, would go on in the one that was replaced, and lose all it writes.
    private static func refuseInUse(_ path: String) throws(StorageError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system(errno, expected: "an image file that can be looked at", at: path) }
        defer { Glibc.close(descriptor) }
        guard !Kernel.isOpenElsewhere(descriptor) else {
            throw StorageError(
                .failed, expected: "an image that nobody uses", found: "one that is open: by a guest, or as a loop device", at: path,
                advice: "stop what uses it; see `fuser -v` and `losetup -j`")
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
                .noSpace, expected: "room for an image of \(size.counted("byte"))", found: "a device of \(room.counted("byte"))", at: path,
                advice: "choose a device that is at least as large")
        }
        return descriptor
    }

    /// A file that is replaced stays until the new one is whole.
    var replaces: Bool {
        switch place {
        case .file: false
        case .device: true
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        switch place {
        case .file(let file, _): try file.write(bytes, at: offset)
        case .device(let descriptor): try BlockWriting.write(bytes, to: descriptor, at: offset, location: path)
        }
    }

    func zero(_ range: Range<Int64>) throws {
        // A new file is one hole.
        guard case .device(let descriptor) = place, !range.isEmpty else { return }
        if Kernel.zero(descriptor, from: range.lowerBound, count: range.upperBound - range.lowerBound) == 0 { return }
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

    /// On disk before it has its name, and with its name when this returns.
    func finish() throws {
        switch place {
        case .file(let file, let folder):
            try sync(folder.descriptor)
            if access(path, F_OK) == 0 { try Self.refuseInUse(path) }  // it may have been opened meanwhile
            hasEnded.withLock { $0 = true }  // a file that gets no name has ended too
            try file.finish()
            try sync(folder.descriptor)
        case .device(let descriptor):
            guard fsync(descriptor) == 0 else { throw StorageError.system(errno, expected: "the image on disk", at: path) }
            hasEnded.withLock { $0 = true }
            Glibc.close(descriptor)
        }
    }

    private func sync(_ folder: Int32) throws(StorageError) {
        guard Kernel.syncFileSystem(of: folder) == 0 else { throw .system(errno, expected: "the image on disk", at: path) }
    }

    func abandon() {
        guard
            hasEnded.withLock({ ended in
                defer { ended = true }
                return !ended
            })
        else { return }
        switch place {
        case .file(let file, _): file.abandon()
        case .device(let descriptor): Glibc.close(descriptor)
        }
    }
}
