import CLinux
import Glibc
import StorageKit

/// Restores a tree below a folder. Paths are resolved without following links, so nothing lands outside, whatever a repository or
/// another process says.
final class FolderWriter: TreeWriter {
    private let root: FolderHandle
    private let overwrite: Bool

    init(path: String, overwrite: Bool) throws(StorageError) {
        root = try FolderHandle(opening: path)
        self.overwrite = overwrite
    }

    func makeDirectory(_ path: TreePath) throws {
        // The folder above is there as a rule, and then nothing above it is looked at.
        if let (parent, name) = try? place(path), FolderHandle.withName(name, { mkdirat(parent.descriptor, $0, 0o700) }) == 0 { return }
        guard path.bytes.count < PATH_MAX else {
            throw StorageError.system(ENAMETOOLONG, expected: "to make a folder", at: root.location(path))
        }
        for depth in 0..<path.parts.count {
            let part = TreePath(Array(path.parts[...depth]))
            let (parent, name) = try place(part)
            if FolderHandle.withName(name, { mkdirat(parent.descriptor, $0, 0o700) }) == 0 { continue }
            guard errno == EEXIST else { throw StorageError.system(errno, expected: "to make a folder", at: root.location(part)) }
            let found = try parent.status(name)
            if found.st_mode & S_IFMT == S_IFDIR { continue }
            guard overwrite else { throw StorageError.system(EEXIST, expected: "a folder, or nothing", at: root.location(part)) }
            try remove(name, in: parent)
            guard FolderHandle.withName(name, { mkdirat(parent.descriptor, $0, 0o700) }) == 0 else {
                throw StorageError.system(errno, expected: "to make a folder", at: root.location(part))
            }
        }
    }

    func createFile(_ path: TreePath, size: Int64) throws -> any FileWriter {
        let (parent, name) = try place(path)
        if let found = try? parent.status(name) {
            guard overwrite else { throw StorageError.system(EEXIST, expected: "nothing there", at: root.location(path)) }
            guard found.st_mode & S_IFMT != S_IFDIR else { throw Self.inTheWay(root.location(path)) }
        }
        return try RestoredFile(name: name, in: parent, size: size, overwrite: overwrite)
    }

    /// A restore replaces files, never a folder with what is in it.
    private static func inTheWay(_ location: String) -> StorageError {
        StorageError(
            .exists, expected: "a file, or nothing", found: "a folder", at: location,
            advice: "move the folder away: a restore replaces files, never a folder with what is in it")
    }

    func existing(_ path: TreePath) throws -> (any FileReader)? {
        let (parent, name) = try place(path)
        guard let found = try? parent.status(name), found.st_mode & S_IFMT == S_IFREG else { return nil }
        let status = FileStatus(root: path, rootDevice: found.st_dev)
        return try OpenFile(root: parent, path: TreePath([name]), logicalPath: path, status: status)
    }

    /// A machine that loses its power after a restore said that it is done has what was restored.
    func finish() throws {
        guard linux_sync_file_system(root.descriptor) == 0 else {
            throw StorageError.system(errno, expected: "what was restored to reach the disk", at: root.path)
        }
    }

    func createSpecial(_ path: TreePath, _ metadata: FileMetadata) throws {
        let (parent, name) = try place(path)
        if let found = try? parent.status(name) {
            if try isSame(found, metadata, name, in: parent) {
                _ = try setMetadata(path, metadata)
                return
            }
            guard found.st_mode & S_IFMT != S_IFDIR || !overwrite else { throw Self.inTheWay(root.location(path)) }
            if overwrite { try remove(name, in: parent) }
        }
        let result = FolderHandle.withName(name) { name in
            Self.make(metadata, name, in: parent)
        }
        guard result == 0 else {
            throw StorageError.system(errno, expected: "to make a \(metadata.kind.rawValue)", at: root.location(path))
        }
        // What can't be set on a link or device (an owner, when not root) is no reason to lose it.
        _ = try setMetadata(path, metadata)
    }

    private func isSame(_ found: stat, _ metadata: FileMetadata, _ name: FileName, in parent: FolderHandle) throws(StorageError) -> Bool {
        guard FileStatus.kind(found) == metadata.kind else { return false }
        switch metadata.kind {
        case .symbolicLink: return try FolderReader.linkTarget(name, in: parent) == metadata.linkTarget
        case .blockDevice, .characterDevice: return UInt64(found.st_rdev) == metadata.device
        case .fifo: return true
        case .file, .directory, .socket: return false
        }
    }

    /// Makes one entry without content; its mode is set afterwards.
    private static func make(_ metadata: FileMetadata, _ name: UnsafePointer<CChar>, in parent: FolderHandle) -> Int32 {
        let type: mode_t
        switch metadata.kind {
        case .symbolicLink:
            return FolderHandle.withName(FileName(bytes: metadata.linkTarget)) { symlinkat($0, parent.descriptor, name) }
        case .fifo: type = S_IFIFO
        case .blockDevice: type = S_IFBLK
        case .characterDevice: type = S_IFCHR
        case .socket: type = S_IFSOCK
        case .file, .directory:
            errno = EINVAL
            return -1
        }
        return mknodat(parent.descriptor, name, type | 0o600, dev_t(metadata.device))
    }

    func link(_ path: TreePath, to existing: TreePath) throws {
        let (parent, name) = try place(path)
        let (otherParent, otherName) = try place(existing)
        if let found = try? parent.status(name) {
            if let original = try? otherParent.status(otherName), original.st_ino == found.st_ino, original.st_dev == found.st_dev {
                return
            }
            guard found.st_mode & S_IFMT != S_IFDIR || !overwrite else { throw Self.inTheWay(root.location(path)) }
            if overwrite { try remove(name, in: parent) }
        }
        let result = FolderHandle.withName(name) { name in
            FolderHandle.withName(otherName) { linkat(otherParent.descriptor, $0, parent.descriptor, name, 0) }
        }
        guard result == 0 else { throw StorageError.system(errno, expected: "another name for \(existing)", at: root.location(path)) }
    }

    func setMetadata(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        guard !path.parts.isEmpty else { return setMetadata(of: ".", in: root, metadata) }
        let (parent, name) = try place(path)
        return setMetadata(of: name, in: parent, metadata)
    }

    /// Owner first: changing it clears setuid. Times last: everything else changes them.
    private func setMetadata(of name: FileName, in parent: FolderHandle, _ metadata: FileMetadata) -> [StorageError] {
        var failures: [StorageError] = []
        let location = parent.path + "/" + name.description
        func check(_ result: Int32, _ what: String) {
            if result != 0 { failures.append(.system(errno, expected: what, at: location)) }
        }
        check(
            FolderHandle.withName(name) { fchownat(parent.descriptor, $0, metadata.userID, metadata.groupID, AT_SYMLINK_NOFOLLOW) },
            "to set owner \(metadata.userID):\(metadata.groupID)")
        if metadata.kind != .symbolicLink { check(Self.setMode(metadata.permissions, of: name, in: parent), "to set the mode") }
        failures += ExtendedAttributes.write(metadata.extendedAttributes, to: name, in: parent)
        var times = [metadata.accessed, metadata.modified].map { timespec(tv_sec: Int($0.seconds), tv_nsec: Int($0.nanoseconds)) }
        check(FolderHandle.withName(name) { utimensat(parent.descriptor, $0, &times, AT_SYMLINK_NOFOLLOW) }, "to set the times")
        return failures
    }

    /// Never of what a link leads to that somebody put in the place meanwhile: chmod has no way to say so but an open name.
    private static func setMode(_ permissions: UInt16, of name: FileName, in parent: FolderHandle) -> Int32 {
        let open = FolderHandle.withName(name) { linux_open_beneath(parent.descriptor, $0, linux_open_name, 0) }
        guard open >= 0 else { return -1 }
        defer { Glibc.close(open) }
        var found = stat()
        guard fstat(open, &found) == 0 else { return -1 }
        guard found.st_mode & S_IFMT != S_IFLNK else {
            errno = ELOOP
            return -1
        }
        return FolderHandle.withName(FileName("/proc/self/fd/\(open)")) { chmod($0, mode_t(permissions)) }
    }

    /// The open folder above a path, and its last name.
    private func place(_ path: TreePath) throws(StorageError) -> (parent: FolderHandle, name: FileName) {
        guard let name = path.parts.last, path.parts.allSatisfy(Self.isPlain) else {
            throw StorageError(
                .invalid, expected: "a path below the target", found: path.description, at: root.path,
                advice: "the repository may be hostile")
        }
        return (try root.folder(TreePath(Array(path.parts.dropLast()))), name)
    }

    /// Names that are one plain name.
    private static func isPlain(_ name: FileName) -> Bool {
        !name.bytes.isEmpty && !name.bytes.contains(0) && !name.bytes.contains(UInt8(ascii: "/")) && name.bytes != Array(".".utf8)
            && name.bytes != Array("..".utf8)
    }

    private func remove(_ name: FileName, in parent: FolderHandle) throws(StorageError) {
        guard FolderHandle.withName(name, { unlinkat(parent.descriptor, $0, 0) }) == 0 || errno == ENOENT else {
            throw .system(errno, expected: "to replace what is there", at: parent.path + "/" + name.description)
        }
    }
}
