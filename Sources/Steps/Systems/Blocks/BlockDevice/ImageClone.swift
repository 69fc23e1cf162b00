import HostKit
import Basics
import Foundation
import Glibc
import StorageKit

/// A snapshot of an image file: a clone that shares its extents, made in an instant, or a copy where the file system can't clone.
struct ImageClone: Sendable {
    let source: String
    let folder: String
    let key: String
    /// What is cloned is a clone of ours itself.
    var isOfClone = false

    var whole: String { folder + "/" + key + ".image" }
    private var partial: String { whole + ".partial" }

    /// It gets its name when it is whole and durable.
    var isWhole: Bool { access(whole, F_OK) == 0 }

    /// Makes it. Returns what was copied; nil when it was cloned.
    func make(copyingAtMost limit: ByteCount?, isStopped: () -> Bool) throws -> ByteCount? {
        if isStopped() { throw CancellationError() }
        try FreezeMark.refuseWriting(to: folder)
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw StorageError.system(errno, expected: "a folder for snapshots that can be made", at: folder)
        }
        let from =
            if isOfClone {
                try Self.open(source, O_RDONLY)
            } else {
                Glibc.open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            }
        guard from >= 0 else { throw StorageError.system(errno, expected: "an image file that can be read", at: source) }
        defer { Glibc.close(from) }
        var found = stat()
        guard fstat(from, &found) == 0 else { throw StorageError.system(errno, expected: "what kind of file it is", at: source) }
        guard found.st_mode & S_IFMT == S_IFREG else {
            let isFolder = found.st_mode & S_IFMT == S_IFDIR
            throw StorageError(
                .unsupported, expected: "an image file, of which a snapshot can be taken", found: isFolder ? "a folder" : "a device",
                at: source,
                advice: isFolder
                    ? "give the path of the image itself"
                    : "copy it while nobody writes to it, or declare the system that holds it and can take snapshots (ceph-rbd, btrfs)")
        }
        unlink(partial)
        let to = Glibc.open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard to >= 0 else { throw StorageError.system(errno, expected: "a snapshot that can be made", at: partial) }
        defer { Glibc.close(to) }
        do {
            let copied: ByteCount?
            if Kernel.clone(to, from: from) == 0 {
                copied = nil
            } else {
                copied = try copy(from, to, size: Int64(found.st_size), code: errno, atMost: limit, isStopped)
            }
            guard fsync(to) == 0 else { throw StorageError.system(errno, expected: "the snapshot on disk", at: partial) }
            guard rename(partial, whole) == 0 else { throw StorageError.system(errno, expected: "to name the snapshot", at: whole) }
            try syncFolder()
            return copied
        } catch {
            unlink(partial)
            throw error
        }
    }

    /// Opens a clone of ours. It lies beside an image that may be another user's, as may the folder be: what he has put in its place is not opened.
    static func open(_ path: String, _ mode: Int32) throws(StorageError) -> Int32 {
        let descriptor = Glibc.open(path, mode | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else { throw .system(errno, expected: "a snapshot that can be opened", at: path) }
        var found = stat()
        guard fstat(descriptor, &found) == 0, found.st_mode & S_IFMT == S_IFREG, found.st_uid == geteuid(), found.st_nlink == 1 else {
            Glibc.close(descriptor)
            throw StorageError(
                .accessDenied, expected: "the snapshot that this user made", found: "a file of user id \(found.st_uid)", at: path,
                advice: "find out who put it there; `snapshotFolder` names another place")
        }
        return descriptor
    }

    private func copy(
        _ from: Int32, _ to: Int32, size: Int64, code: Int32, atMost limit: ByteCount?, _ isStopped: () -> Bool
    ) throws -> ByteCount {
        guard let limit else {
            guard [EOPNOTSUPP, EXDEV, EINVAL].contains(code) else {
                throw StorageError.system(code, expected: "a clone of the image", at: whole)
            }
            throw StorageError(
                .unsupported, expected: "a file system that can clone files (xfs with reflink, btrfs), and \(folder) on it",
                found: String(cString: strerror(code)), at: source,
                advice: "move the image there, or allow a bounded copy with `staging:`")
        }
        guard ftruncate(to, off_t(size)) == 0 else { throw StorageError.system(errno, expected: "room for the snapshot", at: partial) }
        let extents = try SparseExtents.data(of: from, size: size, at: source)
        let bytes = extents.reduce(Int64(0)) { $0 + $1.upperBound - $1.lowerBound }
        guard bytes <= limit.bytes else {
            throw StorageError(
                .noSpace, expected: "at most \(limit.approximate) to be copied (`staging`)", found: ByteCount(bytes: bytes).approximate,
                at: source, advice: "raise `staging`, and `maxHold` with it, or move the image to a file system that can clone files")
        }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { memory.deallocate() }
        for extent in extents {
            var offset = extent.lowerBound
            while offset < extent.upperBound {
                if isStopped() { throw CancellationError() }
                let got = pread(from, memory.baseAddress!, min(memory.count, Int(extent.upperBound - offset)), off_t(offset))
                guard got > 0 else { throw StorageError.system(got < 0 ? errno : EIO, expected: "bytes of the image", at: source) }
                try BlockWriting.write(UnsafeRawBufferPointer(rebasing: memory[..<got]), to: to, at: offset, location: partial)
                offset += Int64(got)
            }
        }
        return ByteCount(bytes: bytes)
    }

    /// Removes it, whole or half made. Succeeds when nothing is there.
    func remove() throws(StorageError) {
        for path in [partial, whole] {
            guard unlink(path) == 0 || errno == ENOENT else { throw .system(errno, expected: "to remove the snapshot", at: path) }
        }
        rmdir(folder)  // stays while other snapshots are in it
    }

    private func syncFolder() throws(StorageError) {
        let handle = try FolderHandle(opening: folder)
        guard fsync(handle.descriptor) == 0 else { throw .system(errno, expected: "the snapshot's name on disk", at: folder) }
    }
}
