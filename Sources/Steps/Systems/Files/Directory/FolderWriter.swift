import HostKit
import Basics
import Glibc
import StorageKit
import Synchronization

/// Restores a tree below a folder. Paths are resolved without following links, so nothing lands outside, whatever a repository or
/// another process says.
final class FolderWriter: TreeWriter {
    private let root: FolderHandle
    private let overwrite: Bool
    private let widened: WidenedFolders
    /// Files that are whole and have not got their metadata yet. What takes the name of one meanwhile is not given it: the file of somebody else.
    private let whole = Mutex<[TreePath: WholeFile]>([:])

    private enum WholeFile {
        case made(OpenEntry)
        /// Was there; whoever found it so has it open.
        case found(FileIdentity)
    }

    init(path: String, overwrite: Bool) throws(StorageError) {
        let widened = WidenedFolders()
        try widened.widen(OpenEntry(following: path), at: TreePath())
        root = try FolderHandle(opening: path)
        self.widened = widened
        self.overwrite = overwrite
    }

    deinit { end() }

    /// Called when nothing more is written, whether all of it was restored or not: folders that were opened up for it get back what they had.
    func end() { widened.putBack(below: root) }

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
            guard errno == EEXIST else { throw StorageError.refused(errno, expected: "to make a folder", name, in: parent) }
            let found = try parent.status(name)
            if found.st_mode & S_IFMT == S_IFDIR {
                try widened.widen(OpenEntry(name, in: parent), at: part)
                continue
            }
            guard overwrite else { throw StorageError.system(EEXIST, expected: "a folder, or nothing", at: root.location(part)) }
            try makeDirectory(name, inPlaceOfAFileIn: parent)
        }
    }

    /// The file stays where the folder can't be made.
    private func makeDirectory(_ name: FileName, inPlaceOfAFileIn parent: FolderHandle) throws(StorageError) {
        let temporary = RestoredFile.temporaryName()
        func rename(_ from: FileName, _ to: FileName) -> Bool {
            FolderHandle.withName(from) { from in
                FolderHandle.withName(to) { renameat(parent.descriptor, from, parent.descriptor, $0) == 0 }
            }
        }
        guard rename(name, temporary) else { throw .refused(errno, expected: "to replace what is there", name, in: parent) }
        guard FolderHandle.withName(name, { mkdirat(parent.descriptor, $0, 0o700) }) == 0 else {
            let code = errno
            _ = rename(temporary, name)
            throw .refused(code, expected: "to make a folder", name, in: parent)
        }
        _ = FolderHandle.withName(temporary) { unlinkat(parent.descriptor, $0, 0) }
    }

    func createFile(_ path: TreePath, size: Int64) throws -> any FileWriter {
        whole.withLock { $0[path] = nil }
        let (parent, name) = try place(path)
        if let found = try? parent.status(name) {
            guard overwrite else { throw StorageError.system(EEXIST, expected: "nothing there", at: root.location(path)) }
            guard found.st_mode & S_IFMT != S_IFDIR else { throw Self.inTheWay(root.location(path)) }
        }
        return try RestoredFile(name: name, in: parent, size: size, overwrite: overwrite) { [weak self] entry in
            self?.whole.withLock { $0[path] = .made(entry) }
        }
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
        let file = try Self.open(name, in: parent, found, at: path)
        whole.withLock { $0[path] = .found(FileIdentity(found)) }
        return file
    }

    /// Opens a file that is there to be compared; one's own also where one may not read it oneself.
    private static func open(_ name: FileName, in parent: FolderHandle, _ found: stat, at path: TreePath) throws(StorageError) -> OpenFile {
        let status = FileStatus(root: path, rootDevice: found.st_dev)
        do { return try OpenFile(root: parent, path: TreePath([name]), logicalPath: path, status: status) } catch {
            guard error.kind == .accessDenied, found.st_uid == geteuid(), found.st_mode & 0o400 == 0 else { throw error }
            let entry = try OpenEntry(name, in: parent)
            guard FileIdentity(try entry.status()) == FileIdentity(found), entry.setPermissions(found.st_mode | 0o400) else { throw error }
            defer { _ = entry.setPermissions(found.st_mode) }
            return try OpenFile(root: parent, path: TreePath([name]), logicalPath: path, status: status)
        }
    }

    /// A machine that loses its power after a restore said that it is done has what was restored.
    func finish() throws {
        guard Kernel.syncFileSystem(of: root.descriptor) == 0 else {
            throw StorageError.system(errno, expected: "what was restored to reach the disk", at: root.path)
        }
    }

    func createSpecial(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        let (parent, name) = try place(path)
        let found = try? parent.status(name)
        if let found, try isSame(found, metadata, name, in: parent) { return try setMetadata(path, metadata) }
        if let found, overwrite, found.st_mode & S_IFMT == S_IFDIR { throw Self.inTheWay(root.location(path)) }
        try make(name, in: parent, replacing: found != nil && overwrite, expected: "to make a \(metadata.kind.rawValue)") {
            Self.make(metadata, $0, in: parent)
        }
        // What can't be set on a link or device (an owner, when not root) is no reason to lose it.
        return try setMetadata(path, metadata)
    }

    /// Makes what `make` makes of a name. What is replaced stays where that fails.
    private func make(
        _ name: FileName, in parent: FolderHandle, replacing: Bool, expected: String, _ make: (UnsafePointer<CChar>) -> Int32
    ) throws(StorageError) {
        let new = replacing ? RestoredFile.temporaryName() : name
        guard FolderHandle.withName(new, make) == 0 else { throw .refused(errno, expected: expected, name, in: parent) }
        guard replacing else { return }
        let renamed = FolderHandle.withName(new) { from in
            FolderHandle.withName(name) { renameat(parent.descriptor, from, parent.descriptor, $0) }
        }
        let code = errno
        // Still there also where both are names of one file, which rename(2) leaves alone.
        _ = FolderHandle.withName(new) { unlinkat(parent.descriptor, $0, 0) }
        guard renamed == 0 else { throw .refused(code, expected: "to replace what is there", name, in: parent) }
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
        let found = try? parent.status(name)
        var replacing = false
        if let found, let original = try? otherParent.status(otherName) {
            if FileIdentity(original) == FileIdentity(found) { return }
            if overwrite, found.st_mode & S_IFMT == S_IFDIR { throw Self.inTheWay(root.location(path)) }
            replacing = overwrite || holdsTheSame(name, in: parent, found, as: otherName, in: otherParent, original)
        }
        try make(name, in: parent, replacing: replacing, expected: "another name for \(existing)") { name in
            FolderHandle.withName(otherName) { linkat(otherParent.descriptor, $0, parent.descriptor, name, 0) }
        }
    }

    /// Whether a file with a name of its own holds what the one it is to be linked to holds, and held still while that was found out: then nothing is
    /// lost when it becomes that one.
    private func holdsTheSame(
        _ name: FileName, in parent: FolderHandle, _ found: stat, as otherName: FileName, in otherParent: FolderHandle, _ original: stat
    ) -> Bool {
        guard found.st_mode & S_IFMT == S_IFREG, original.st_mode & S_IFMT == S_IFREG, found.st_size == original.st_size,
            let one = try? Self.open(name, in: parent, found, at: TreePath([name])),
            let other = try? Self.open(otherName, in: otherParent, original, at: TreePath([otherName]))
        else { return false }
        defer {
            one.close()
            other.close()
        }
        guard (try? SameContent.of(one, other)) == true, let now = try? parent.status(name) else { return false }
        return FileIdentity(now) == FileIdentity(found) && FileStatus.time(now.st_mtim) == FileStatus.time(found.st_mtim)
            && now.st_size == found.st_size
    }

    func setMetadata(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        let failures: [StorageError]
        switch whole.withLock({ $0.removeValue(forKey: path) }) {
        case .made(let file):
            failures = try EntryMetadata.settle(file, metadata)
            try requireSame(FileIdentity(try file.status()), entry(path))
        case .found(let identity):
            let entry = try entry(path)
            try requireSame(identity, entry)
            failures = try EntryMetadata.settle(entry, metadata)
        case nil: failures = try EntryMetadata.settle(entry(path), metadata)
        }
        widened.settle(path)
        return failures
    }

    private func requireSame(_ identity: FileIdentity, _ entry: OpenEntry) throws(StorageError) {
        guard FileIdentity(try entry.status()) != identity else { return }
        throw StorageError(
            .changed, expected: "the file that was restored", found: "another, which took its name", at: entry.location,
            advice: "look who writes there, and restore again", retry: .lostRace)
    }

    private func entry(_ path: TreePath) throws(StorageError) -> OpenEntry {
        guard !path.parts.isEmpty else { return try OpenEntry(".", in: root) }
        let (parent, name) = try place(path)
        return try OpenEntry(name, in: parent)
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
}
