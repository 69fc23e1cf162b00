import HostKit
import Glibc
import StorageKit

/// An open folder below which paths are resolved without ever following a symbolic link (openat2(2)).
final class FolderHandle: Sendable {
    let descriptor: Int32
    /// The folder's own path, for messages.
    let path: String

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// Opens a folder by its absolute path. The path itself may lead over links: it is the operator's.
    convenience init(opening path: String) throws(StorageError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(errno, expected: "a folder that can be opened", at: path) }
        self.init(descriptor: descriptor, path: path)
    }

    deinit { Glibc.close(descriptor) }

    /// `path` in full, for messages.
    func location(_ tree: TreePath) -> String { tree.parts.isEmpty ? path : path + "/" + tree.description }

    /// Opens something below; the caller closes the descriptor.
    func open(_ tree: TreePath, _ flags: Int32, mode: mode_t = 0, expected: String) throws(StorageError) -> Int32 {
        let descriptor = Self.withPath(tree) { Kernel.openBeneath(self.descriptor, $0, flags, mode) }
        guard descriptor >= 0 else { throw .system(errno, expected: expected, at: location(tree)) }
        return descriptor
    }

    /// Opens a folder below.
    func folder(_ tree: TreePath) throws(StorageError) -> FolderHandle {
        FolderHandle(descriptor: try open(tree, O_RDONLY | O_DIRECTORY, expected: "a folder that can be opened"), path: location(tree))
    }

    /// The names in this folder but `.` and `..`, in ascending order of bytes.
    func names() throws(StorageError) -> [FileName] {
        let copy = Kernel.openBeneath(descriptor, ".", O_RDONLY | O_DIRECTORY, 0)
        guard copy >= 0, let stream = fdopendir(copy) else {
            let code = errno
            if copy >= 0 { Glibc.close(copy) }
            throw .system(code, expected: "a folder that can be listed", at: path)
        }
        defer { closedir(stream) }
        var names: [FileName] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw .system(errno, expected: "a folder that can be listed to its end", at: path) }
                return names.sorted()
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix(while: { $0 != 0 })) }
            if name != Array(".".utf8), name != Array("..".utf8) { names.append(FileName(bytes: name)) }
        }
    }

    /// `lstat` of a name in this folder.
    func status(_ name: FileName) throws(StorageError) -> stat {
        var status = stat()
        let result = Self.withName(name) { fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }
        guard result == 0 else { throw .system(errno, expected: "metadata", at: path + "/" + name.description) }
        return status
    }

    /// `fstat` of the folder itself.
    func status() throws(StorageError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(errno, expected: "metadata", at: path) }
        return status
    }

    /// The name as a C string. Names never hold NUL: they come from the kernel or are checked before.
    static func withName<Value>(_ name: FileName, _ body: (UnsafePointer<CChar>) -> Value) -> Value {
        var bytes = name.bytes.map { CChar(bitPattern: $0) }
        bytes.append(0)
        return bytes.withUnsafeBufferPointer { buffer in
            // An array of at least one element has a base address.
            body(buffer.baseAddress!)
        }
    }

    private static func withPath<Value>(_ tree: TreePath, _ body: (UnsafePointer<CChar>) -> Value) -> Value {
        withName(tree.parts.isEmpty ? "." : FileName(bytes: tree.bytes), body)
    }
}
