import Basics
import Foundation
import Glibc
import HostKit
import StorageKit

/// The files that define a guest: small ones, copied aside with their owners, rights and times.
struct DefinitionFiles: Sendable {
    /// By the names that they have in the copy.
    let paths: [String: String]

    /// What tells that a file is as it was.
    struct State: Sendable, Hashable {
        var name: String
        var inode: UInt64
        var size: Int64
        var modified: FileTime
        var changed: FileTime
    }

    /// More than that is no definition, bytes.
    private static let largest = 64 << 20

    /// Makes `folder` anew. The states that the files had while they were read.
    func copy(to folder: String) throws -> [State] {
        if access(folder, F_OK) == 0 {
            do throws(Explanation) {
                try FolderRemoval.remove(folder)
            } catch {
                throw StorageError(error)
            }
        }
        let above = (folder as NSString).deletingLastPathComponent
        try FreezeMark.refuseWriting(to: above)
        for place in [above, folder] {
            guard mkdir(place, 0o700) == 0 || errno == EEXIST else {
                throw StorageError.system(errno, expected: "a folder for the definition", at: place)
            }
        }
        return try paths.sorted { $0.key < $1.key }.map { name, path in try copy(path, as: name, in: folder) }
    }

    /// The states that the files have now.
    func states() throws -> [State] {
        try paths.sorted { $0.key < $1.key }.map { name, path in
            let file = try open(path)
            defer { Glibc.close(file) }
            return State(name: name, of: try status(file, path))
        }
    }

    private func copy(_ path: String, as name: String, in folder: String) throws -> State {
        let file = try open(path)
        defer { Glibc.close(file) }
        let found = try status(file, path)
        guard found.st_size <= Self.largest else {
            throw StorageError(
                .unsupported, expected: "files of at most \(Self.largest >> 20) MiB in `definition`", found: "\(found.st_size) bytes",
                at: path, advice: "a disk belongs into `disks`")
        }
        let target = "\(folder)/\(name)"
        let copy = Glibc.open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard copy >= 0 else { throw StorageError.system(errno, expected: "a copy of the definition", at: target) }
        defer { Glibc.close(copy) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        var offset: Int64 = 0
        while true {
            let count = bytes.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, off_t(offset)) }
            guard count >= 0 else { throw StorageError.system(errno, expected: "a file that can be read", at: path) }
            if count == 0 { break }
            try bytes[..<count].withUnsafeBytes { try BlockWriting.write($0, to: copy, at: offset, location: target) }
            offset += Int64(count)
        }
        // An ordinary user's copies are his own.
        _ = fchown(copy, found.st_uid, found.st_gid)
        var times = [found.st_atim, found.st_mtim]
        guard fchmod(copy, found.st_mode & 0o7777) == 0, futimens(copy, &times) == 0, fsync(copy) == 0 else {
            throw StorageError.system(errno, expected: "the definition on disk", at: target)
        }
        return State(name: name, of: found)
    }

    /// Non-blocking: a fifo in its place must not hang us.
    private func open(_ path: String) throws(StorageError) -> Int32 {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .system(errno, expected: "a file that can be read", at: path) }
        return file
    }

    private func status(_ file: Int32, _ path: String) throws(StorageError) -> stat {
        var found = stat()
        guard fstat(file, &found) == 0, found.st_mode & S_IFMT == S_IFREG else {
            throw StorageError(
                .unsupported, expected: "files in `definition`", found: "something else", at: path, advice: "name the files themselves")
        }
        return found
    }
}

extension DefinitionFiles.State {
    fileprivate init(name: String, of found: stat) {
        self.init(
            name: name, inode: UInt64(found.st_ino), size: Int64(found.st_size),
            modified: FileTime(seconds: Int64(found.st_mtim.tv_sec), nanoseconds: Int32(found.st_mtim.tv_nsec)),
            changed: FileTime(seconds: Int64(found.st_ctim.tv_sec), nanoseconds: Int32(found.st_ctim.tv_nsec)))
    }
}
