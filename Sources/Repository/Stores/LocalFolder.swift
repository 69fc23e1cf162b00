import HostKit
import Basics
import Foundation
import StorageKit
#if canImport(Glibc)
    import Glibc
#endif

/// The blocking calls behind `LocalStore`.
struct LocalFolder: Sendable {
    let path: String
    /// What is left to others on the same disk.
    var keptRoom: KeptRoom?

    /// Whether it lies on another machine, as far as the system says. Asked of what is there of its path.
    var isRemote: Bool {
        #if os(Linux)
            var existing = path
            while true {
                let type = Kernel.fileSystemType(of: existing)
                if type >= 0 { return Self.remoteFileSystems.contains(UInt32(truncatingIfNeeded: type)) }
                let parent = (existing as NSString).deletingLastPathComponent
                guard errno == ENOENT, parent != existing, !parent.isEmpty else { return false }
                existing = parent
            }
        #else
            return false
        #endif
    }

    /// statfs(2): NFS, SMB, CIFS, SMB2, FUSE, Ceph, AFS, 9P, and OCFS2, GPFS and Lustre, which are shared by machines.
    private static let remoteFileSystems: Set<UInt32> = [
        0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x6573_5546, 0x00c3_6400, 0x5346_414f, 0x0102_1997, 0x7461_636f, 0x4750_4653, 0x0bd0_0bd0,
    ]

    private func full(_ name: ObjectName) -> String { path + "/" + name.text }

    /// Every folder that restic expects, readable by the owner alone.
    func create() throws {
        var above = ""
        for part in path.split(separator: "/") {
            above += "/" + part
            if access(above, F_OK) == 0 { continue }
            guard mkdir(above, 0o700) == 0 || errno == EEXIST else { throw LocalError.of(errno, at: above, doing: "a new folder") }
        }
        let folders =
            ["keys", "locks", "snapshots", "index", "data"] + (0..<256).map { "data/" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        for folder in folders where mkdir("\(path)/\(folder)", 0o700) != 0 && errno != EEXIST {
            throw LocalError.of(errno, at: "\(path)/\(folder)", doing: "a new folder")
        }
    }

    func put(_ name: ObjectName, _ bytes: [UInt8]) throws {
        if let keptRoom, name.text.hasPrefix(ObjectNames.data) { try leave(keptRoom, besides: Int64(bytes.count)) }
        try LocalFileWriting.write(bytes, as: full(name))
    }

    /// Packs only: what makes a repository smaller, or ends what was begun, is small.
    private func leave(_ kept: KeptRoom, besides bytes: Int64) throws {
        guard access(kept.folder, F_OK) == 0, let own = DiskRoom(at: path), own.free < bytes + kept.bytes,
            let other = DiskRoom(at: kept.folder), own.isShared(with: other)
        else { return }
        throw StorageError(
            .noSpace, expected: "room for \(bytes.counted("byte"))",
            found: "\(ByteCount(bytes: own.free).approximate) free, of which \(ByteCount(bytes: kept.bytes)) are kept for \(kept.folder)",
            at: path,
            advice: "free space there, or move the repository or the database to another disk, then run again: what was stored is kept",
            retry: .transient)
    }

    func get(_ name: ObjectName, range: Range<Int64>?) throws -> [UInt8] {
        let file = full(name)
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw LocalError.of(errno, at: file, doing: "a readable object") }
        defer { close(descriptor) }
        var status = Glibc.stat()
        guard fstat(descriptor, &status) == 0 else { throw LocalError.of(errno, at: file, doing: "a readable object") }
        let range = range ?? 0..<Int64(status.st_size)
        guard range.upperBound <= Int64(status.st_size) else {
            throw StorageError(
                .truncated, expected: "at least \(range.upperBound.counted("byte"))", found: status.st_size.counted("byte"), at: file,
                advice: "the object was cut short; run a check")
        }
        var failure: StorageError?
        let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            while count < range.count {
                let got = pread(
                    descriptor, buffer.baseAddress.map { $0 + count }, range.count - count, off_t(range.lowerBound) + off_t(count))
                if got < 0, errno == EINTR { continue }
                guard got > 0 else {
                    failure = LocalError.of(got == 0 ? EIO : errno, at: file, doing: "\(range.count) readable bytes")
                    return
                }
                count += got
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// One folder's objects, and the folders in it.
    func list(_ prefix: String) throws -> (files: [ObjectInfo], folders: [String]) {
        let folder = path + "/" + prefix
        guard let stream = opendir(folder) else {
            if errno == ENOENT { return ([], []) }
            throw LocalError.of(errno, at: folder, doing: "a readable folder")
        }
        defer { closedir(stream) }
        var files: [ObjectInfo] = []
        var folders: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw LocalError.of(errno, at: folder, doing: "a readable folder") }
                return (files, folders)
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix(while: { $0 != 0 }), as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            var status = Glibc.stat()
            guard fstatat(dirfd(stream), name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }  // gone meanwhile
            switch status.st_mode & S_IFMT {
            case S_IFREG: files.append(ObjectInfo(name: ObjectName(prefix + name), size: Int64(status.st_size)))
            case S_IFDIR: folders.append(prefix + name + "/")
            default: break
            }
        }
    }

    func stat(_ name: ObjectName) throws -> ObjectInfo? {
        var status = Glibc.stat()
        guard fstatat(AT_FDCWD, full(name), &status, 0) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw LocalError.of(errno, at: full(name), doing: "an object")
        }
        return ObjectInfo(name: name, size: Int64(status.st_size))
    }

    func delete(_ name: ObjectName) throws {
        guard unlink(full(name)) == 0 || errno == ENOENT else { throw LocalError.of(errno, at: full(name), doing: "a removable object") }
    }

    /// Files that got no name: of programs that were killed where the file system knows no files without one, or of restic.
    func unfinished(olderThan age: TimeSpan, removing: Bool) throws -> UnfinishedObjects {
        let limit = try now() - age.milliseconds / 1000
        var found = UnfinishedObjects()
        var pending = ["data/", "index/", "keys/", "locks/", "snapshots/"]
        while let next = pending.popLast() {
            let listed = try list(next)
            pending += listed.folders
            for info in listed.files {
                guard let mark = info.name.text.firstRange(of: LocalFileWriting.unfinished),
                    ObjectName(String(info.name.text[..<mark.lowerBound])).isOfARepository
                else { continue }
                var status = Glibc.stat()
                guard lstat(full(info.name), &status) == 0, Int64(status.st_mtim.tv_sec) <= limit else { continue }
                if removing { try delete(info.name) }
                found += UnfinishedObjects(count: 1, bytes: info.size)
            }
        }
        return found
    }

    /// By the file system's clock, which may be another host's: seconds since 1970, of a file that nobody sees.
    private func now() throws -> Int64 {
        do {
            let file = try NewFile(target: path + "/locks/clock", temporary: LocalFileWriting.temporaryName)
            var status = Glibc.stat()
            guard fstat(file.descriptor, &status) == 0 else { throw LocalError.of(errno, at: path, doing: "the time") }
            return Int64(status.st_mtim.tv_sec)
        } catch let failure as FileFailure {
            throw LocalError.of(failure.code, at: failure.path, doing: failure.expected)
        }
    }
}
