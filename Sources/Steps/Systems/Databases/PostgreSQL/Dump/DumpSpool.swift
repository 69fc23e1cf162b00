import Basics
import Glibc
import StorageKit
import Synchronization
import SystemPackage

/// Takes restored dumps in, ranges in any order, in files of the scratch folder that have no name: whatever ends the process removes them.
final class DumpSpool: TreeWriter {
    private let folder: String
    private let files = Mutex<[DumpFile: SpooledDump]>([:])

    init(folder: String) { self.folder = folder }

    /// What arrived whole.
    var arrived: [DumpFile: SpooledDump] { files.withLock { $0.filter { $0.value.isWhole } } }

    func makeDirectory(_ path: TreePath) throws { if !path.parts.isEmpty { throw stranger(path) } }

    func createFile(_ path: TreePath, size: Int64) throws -> any FileWriter {
        guard path.parts.count == 1, let file = DumpFile(path.parts[0]) else { throw stranger(path) }
        let spool = try SpooledDump(folder: folder, size: size)
        files.withLock { $0[file] = spool }
        return spool
    }

    func createSpecial(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] { throw stranger(path) }
    func link(_ path: TreePath, to existing: TreePath) throws { throw stranger(path) }
    func setMetadata(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] { [] }

    private func stranger(_ path: TreePath) -> StorageError {
        StorageError(
            .invalid, expected: "dumps (DATABASE.dump, globals.sql)", found: "/\(path)", at: "the repository snapshot",
            advice: "restore a copy that was made with `method: dump`; one of a whole cluster goes to a system with `method: base`")
    }
}

/// One dump on its way.
final class SpooledDump: FileWriter {
    private let descriptor: Int32
    private let folder: String
    private let whole = Mutex(false)

    init(folder: String, size: Int64) throws(StorageError) {
        self.folder = folder
        var name = Array("\(folder)/dump-XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw .system(errno, expected: "a scratch file for a dump", at: folder) }
        unlink(name)
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw .system(errno, expected: "room for a dump", at: folder) }
    }

    /// A dump that lies in a file already.
    init(opening path: String) throws(StorageError) {
        folder = path
        // A pipe under a dump's name is not waited for.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw .system(errno, expected: "a dump", at: path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw StorageError(.invalid, expected: "a dump", found: "what is no file", at: path)
        }
        whole.withLock { $0 = true }
    }

    deinit { Glibc.close(descriptor) }

    var isWhole: Bool { whole.withLock { $0 } }

    /// The dump from its start. Not to be closed; valid while this object lives.
    func rewound() -> FileDescriptor {
        lseek(descriptor, 0, SEEK_SET)
        return FileDescriptor(rawValue: descriptor)
    }

    /// The whole of it: for what is small.
    func bytes() throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = pread(descriptor, &buffer, buffer.count, off_t(bytes.count))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StorageError.system(errno, expected: "a dump", at: folder) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }

    /// A part of it: empty behind its end, and where it can't be read.
    func bytes(at offset: Int64, atMost limit: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            var read = -1
            repeat { read = pread(descriptor, buffer.baseAddress, limit, off_t(offset)) } while read < 0 && errno == EINTR
            count = max(read, 0)
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(written))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StorageError.system(errno, expected: "room for a dump", at: folder) }
            written += count
        }
    }

    func finish() throws { whole.withLock { $0 = true } }
    func abandon() { whole.withLock { $0 = false } }
}
