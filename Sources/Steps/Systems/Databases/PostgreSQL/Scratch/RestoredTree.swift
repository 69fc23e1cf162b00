import HostKit
import Glibc
import StorageKit

/// A restored tree, looked at and changed by descriptors alone: what is in it is another's text, and root works in it.
struct RestoredTree {
    private let root: FolderHandle
    /// As the kernel spells it.
    private let real: [UInt8]

    init(_ path: String) throws(StorageError) {
        root = try FolderHandle(opening: path)
        real = Self.place(of: root.descriptor)
    }

    /// The bits of `S_IFMT`; 0 where nothing is. No link on the way is followed, nor one at the end.
    func kind(of path: TreePath) -> mode_t {
        guard let file = try? root.open(path, Kernel.openName, expected: "a name") else { return 0 }
        defer { close(file) }
        var status = stat()
        return fstat(file, &status) == 0 ? status.st_mode & S_IFMT : 0
    }

    func isFile(_ path: TreePath) -> Bool { kind(of: path) == S_IFREG }
    func isFolder(_ path: TreePath) -> Bool { kind(of: path) == S_IFDIR }
    func names(in folder: TreePath) throws(StorageError) -> [FileName] { try root.folder(folder).names() }

    /// A file's beginning; nil for anything that is no file: a pipe is not waited for.
    func read(_ path: TreePath, atMost limit: Int) -> [UInt8]? {
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
        guard isFile(path), let file = try? root.open(path, flags, expected: "a file") else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: limit)
        var done = 0
        while done < limit {
            let count = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress?.advanced(by: done), $0.count - done) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            done += count
        }
        return Array(bytes[..<done])
    }

    /// Removes the name itself, whatever but a folder it stands for. Nothing being there is fine.
    func remove(_ path: TreePath) throws(StorageError) {
        guard let (folder, name) = try place(path) else { return }
        let result = FolderHandle.withName(name) { unlinkat(folder.descriptor, $0, 0) }
        guard result == 0 || errno == ENOENT else { throw .system(errno, expected: "to remove it", at: root.location(path)) }
    }

    /// Puts a file in another's place.
    func write(_ text: String, to path: TreePath) throws(StorageError) {
        guard let (folder, name) = try place(path) else { return }
        try remove(path)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
        let file = try folder.open(TreePath([name]), flags, mode: 0o600, expected: "a file that can be made")
        defer { close(file) }
        let bytes = Array(text.utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else {
            throw .system(errno, expected: "a file that can be written", at: root.location(path))
        }
    }

    /// Puts a link to something of this tree, by its whole path, in another's place.
    func link(_ path: TreePath, to target: TreePath) throws(StorageError) {
        guard let (folder, name) = try place(path) else { return }
        try remove(path)
        let whole = FileName(bytes: Array((root.path + "/").utf8) + target.bytes)
        let result = FolderHandle.withName(whole) { target in FolderHandle.withName(name) { symlinkat(target, folder.descriptor, $0) } }
        guard result == 0 else { throw .system(errno, expected: "a link that can be made", at: root.location(path)) }
    }

    /// Where a link of this tree leads in it, by a path that goes over no link. Nil where it leads out of it, at any part of the way, or nowhere.
    func target(of link: TreePath) -> TreePath? {
        var file = FolderHandle.withName(FileName(bytes: link.bytes)) { Kernel.openWithin(root.descriptor, $0) }
        if file < 0, errno == EXDEV, let rest = ownPath(link) {
            // By a whole path, as our own links.
            file = FolderHandle.withName(rest) { Kernel.openWithin(root.descriptor, $0) }
        }
        guard file >= 0 else { return nil }
        defer { close(file) }
        let place = Self.place(of: file)
        if place == real { return TreePath() }
        guard place.starts(with: real + [UInt8(ascii: "/")]) else { return nil }
        return TreePath(place.dropFirst(real.count + 1).split(separator: UInt8(ascii: "/")).map { FileName(bytes: Array($0)) })
    }

    /// What a link says behind the tree's own path.
    private func ownPath(_ link: TreePath) -> FileName? {
        guard let (folder, name) = try? place(link), let target = try? FolderReader.linkTarget(name, in: folder) else { return nil }
        for top in [Array(root.path.utf8), real] where target.starts(with: top + [UInt8(ascii: "/")]) {
            return FileName(bytes: Array(target.dropFirst(top.count + 1)))
        }
        return nil
    }

    private func place(_ path: TreePath) throws(StorageError) -> (folder: FolderHandle, name: FileName)? {
        guard let name = path.parts.last else { return nil }
        return (try root.folder(TreePath(Array(path.parts.dropLast()))), name)
    }

    private static func place(of descriptor: Int32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = bytes.withUnsafeMutableBytes { buffer in
            buffer.withMemoryRebound(to: CChar.self) { readlink("/proc/self/fd/\(descriptor)", $0.baseAddress!, $0.count) }
        }
        return Array(bytes.prefix(max(0, count)))
    }
}
