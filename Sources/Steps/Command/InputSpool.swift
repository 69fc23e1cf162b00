import FlowModel
import Glibc
import StepKit
import StorageKit
import Synchronization
import SystemPackage

/// Takes in one restored file for a program that reads it from its standard input. A restore writes ranges in any order and a program
/// reads bytes in one, so the file is put together in the scratch folder first; the program gets it only when every byte was verified.
final class InputSpool: TreeWriter {
    private let origin: String
    private let file: SpoolFile
    private let taken = Mutex<TreePath?>(nil)

    init(folder: String, origin: String) throws {
        self.origin = origin
        file = try SpoolFile(folder: folder)
    }

    func makeDirectory(_ path: TreePath) throws {}

    func createFile(_ path: TreePath, size: Int64) throws -> any FileWriter {
        let first = taken.withLock { taken in
            if taken == nil { taken = path }
            return taken
        }
        guard first == path else { throw oneFileOnly(found: "\(path)") }
        try file.start(size: size)
        return file
    }

    func createSpecial(_ path: TreePath, _ metadata: FileMetadata) throws { throw oneFileOnly(found: "a \(metadata.kind.rawValue)") }
    func link(_ path: TreePath, to existing: TreePath) throws { throw oneFileOnly(found: "a hard link") }
    func setMetadata(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] { [] }

    /// The file, at its start. Throws when none was restored whole.
    func wholeFile() throws -> FileDescriptor {
        guard file.isWhole else {
            throw StepError(.failed, expected: "one whole file for the program's input", found: "none", at: origin)
        }
        lseek(file.descriptor, 0, SEEK_SET)
        return FileDescriptor(rawValue: file.descriptor)
    }

    private func oneFileOnly(found: String) -> StorageError {
        StorageError(
            .unsupported, expected: "a repository snapshot of one file", found: found, at: origin,
            advice: "choose the one file with `paths`, or restore to a system that takes folders")
    }
}

/// A file without a name: gone when it is closed, whatever happens.
private final class SpoolFile: FileWriter {
    let descriptor: Int32
    private let folder: String
    private let whole = Mutex(false)

    init(folder: String) throws {
        self.folder = folder
        let name = "\(folder)/input-\(UInt64.random(in: 0 ... .max))"
        descriptor = Glibc.open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(folder, errno) }
        unlink(name)
    }

    deinit { Glibc.close(descriptor) }

    var isWhole: Bool { whole.withLock { $0 } }

    func start(size: Int64) throws {
        guard ftruncate(descriptor, 0) == 0, ftruncate(descriptor, off_t(size)) == 0 else { throw Self.failure(folder, errno) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        var written = 0
        while written < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(offset) + off_t(written))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure(folder, errno) }
            written += count
        }
    }

    func finish() throws { whole.withLock { $0 = true } }
    func abandon() { whole.withLock { $0 = false } }

    private static func failure(_ folder: String, _ code: Int32) -> StorageError {
        StorageError(
            code == ENOSPC || code == EDQUOT ? .noSpace : .failed, expected: "room for the program's input",
            found: String(cString: strerror(code)),
            at: folder, advice: "make room there: a restored stream is put together in the scratch folder", retry: .transient)
    }
}
