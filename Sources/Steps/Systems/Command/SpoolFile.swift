import Basics
import Glibc
import StorageKit
import Synchronization

/// One stream's file in the scratch folder, removed with this object at the latest. Open only while it is written, for there may be hundreds.
final class SpoolFile: FileWriter {
    /// What the file is called in the repository.
    let stream: String
    private let folder: String
    private let path: String
    private let state = Mutex(State())

    private struct State {
        var descriptor: Int32 = -1
        var isWhole = false
    }

    init(stream: String, folder: String, number: Int) throws {
        self.stream = stream
        self.folder = folder
        path = "\(folder)/input-\(number)-\(UInt64.random(in: 0 ... .max))"
    }

    deinit {
        close()
        remove()
    }

    var isWhole: Bool { state.withLock { $0.isWhole } }

    func start(size: Int64) throws {
        close()
        let opened = Glibc.open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else { throw failure(errno) }
        state.withLock { $0 = State(descriptor: opened) }
        guard ftruncate(opened, off_t(size)) == 0 else { throw failure(errno) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        let descriptor = state.withLock { $0.descriptor }
        var written = 0
        while written < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(offset) + off_t(written))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(errno) }
            written += count
        }
    }

    func finish() throws {
        close()
        state.withLock { $0.isWhole = true }
    }

    func abandon() { close() }

    /// The file from its start; the caller closes the descriptor.
    func open() throws -> Int32 {
        let opened = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else { throw failure(errno) }
        return opened
    }

    func remove() { unlink(path) }

    private func close() {
        state.withLock { state in
            if state.descriptor >= 0 { Glibc.close(state.descriptor) }
            state.descriptor = -1
        }
    }

    private func failure(_ code: Int32) -> StorageError {
        StorageError(
            code == ENOSPC || code == EDQUOT ? .noSpace : .failed, expected: "room for a program's input",
            found: String(cString: strerror(code)), at: folder,
            advice: "make room there: restored streams are put together in the scratch folder", retry: .transient)
    }
}
