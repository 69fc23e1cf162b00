import Foundation
import StorageKit
#if canImport(Glibc)
    import Glibc
#endif

/// The blocking calls behind `LocalStore`.
struct LocalFolder: Sendable {
    let path: String

    private func full(_ name: ObjectName) -> String { path + "/" + name.text }

    /// Every folder that restic expects, readable by the owner alone.
    func create() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let folders =
            ["keys", "locks", "snapshots", "index", "data"] + (0..<256).map { "data/" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        for folder in folders where mkdir("\(path)/\(folder)", 0o700) != 0 && errno != EEXIST {
            throw LocalError.of(errno, at: "\(path)/\(folder)", doing: "a new folder")
        }
    }

    func put(_ name: ObjectName, _ bytes: [UInt8]) throws {
        let target = full(name)
        let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
        let temporary = "\(target)-tmp-\(suffix)"
        do {
            try LocalFileWriting.write(bytes, to: temporary)
            // A link refuses what exists, a rename would replace it: objects are made once.
            guard link(temporary, target) == 0 else {
                if errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS {
                    try renameExclusively(temporary, target)
                } else {
                    throw LocalError.of(errno, at: target, doing: "a new object")
                }
                try synchronizeFolder(of: target)
                return
            }
            unlink(temporary)
        } catch {
            unlink(temporary)
            throw error
        }
        try synchronizeFolder(of: target)
    }

    /// For file systems without hard links.
    private func renameExclusively(_ temporary: String, _ target: String) throws {
        guard access(target, F_OK) != 0 else { throw LocalError.of(EEXIST, at: target, doing: "a new object") }
        guard rename(temporary, target) == 0 else { throw LocalError.of(errno, at: target, doing: "a new object") }
    }

    private func synchronizeFolder(of target: String) throws {
        let folder = target.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw LocalError.of(errno, at: folder, doing: "the folder of an object") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw LocalError.of(errno, at: folder, doing: "a durable folder")
        }
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
                .truncated, expected: "at least \(range.upperBound) bytes", found: "\(status.st_size) bytes", at: file,
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
}
