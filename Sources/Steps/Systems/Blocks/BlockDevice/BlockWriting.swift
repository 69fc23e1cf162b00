import Glibc
import StorageKit

/// Writes all of some bytes at an offset.
enum BlockWriting {
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int64, location: String) throws(StorageError) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset) + off_t(done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw .system(count < 0 ? errno : ENOSPC, expected: "room at \(offset + Int64(done))", at: location)
            }
            done += count
        }
    }
}
