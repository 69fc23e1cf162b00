import Glibc

/// An object open for reading. Its calls block.
final class StoredFile: Sendable {
    let size: Int64
    private let descriptor: Int32

    /// `.notFound` when there is none.
    init(_ path: String) throws(Refusal) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw Refusal(errno: errno, "an object") }
        var status = Glibc.stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw Refusal(errno: ENOENT, "an object")
        }
        size = Int64(status.st_size)
    }

    deinit { close(descriptor) }

    /// Fills the memory from `offset` on. An object that became shorter meanwhile is an error.
    func read(into memory: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Refusal) {
        var done = 0
        while done < memory.count {
            let got = pread(descriptor, memory.baseAddress.map { $0 + done }, memory.count - done, off_t(offset) + off_t(done))
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw Refusal(errno: got == 0 ? EIO : errno, "reading an object") }
            done += got
        }
    }
}
