import CLinux
import Glibc
import StorageKit

/// A file being restored under a name of its own, which gets its real one when it is whole.
final class RestoredFile: FileWriter {
    private let descriptor: Int32
    private let parent: FolderHandle
    private let name: FileName
    private let unfinished: FileName
    private let overwrite: Bool

    init(name: FileName, in parent: FolderHandle, size: Int64, overwrite: Bool) throws(StorageError) {
        self.name = name
        self.parent = parent
        self.overwrite = overwrite
        // At most 255 bytes (limits.h NAME_MAX), and a name that no restored file has by chance.
        unfinished = FileName(bytes: Array(".snappy-flow-\(String(UInt64.random(in: 0 ... .max), radix: 36)).part".utf8))
        descriptor = FolderHandle.withName(unfinished) {
            linux_open_beneath(parent.descriptor, $0, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        }
        guard descriptor >= 0 else { throw .system(errno, expected: "to make a file", at: parent.path + "/" + name.description) }
        if ftruncate(descriptor, off_t(size)) != 0 {
            let code = errno
            abandon()
            throw .system(code, expected: "room for \(size) bytes", at: parent.path + "/" + name.description)
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        var written = 0
        while written < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(offset) + off_t(written))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw StorageError.system(errno, expected: "room for the file", at: parent.path + "/" + name.description)
            }
            written += count
        }
    }

    func finish() throws {
        let result = FolderHandle.withName(unfinished) { from in
            FolderHandle.withName(name) { to in
                overwrite
                    ? renameat(parent.descriptor, from, parent.descriptor, to)
                    : linux_rename_new(parent.descriptor, from, parent.descriptor, to)
            }
        }
        let code = errno
        guard result == 0 else {
            abandon()
            throw StorageError.system(code, expected: "to name the restored file", at: parent.path + "/" + name.description)
        }
        Glibc.close(descriptor)
    }

    func abandon() {
        _ = FolderHandle.withName(unfinished) { unlinkat(parent.descriptor, $0, 0) }
        Glibc.close(descriptor)
    }
}
