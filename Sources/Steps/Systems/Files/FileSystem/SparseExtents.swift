import HostKit
import Glibc
import StorageKit

/// Where a file holds data (lseek(2), SEEK_DATA), as far as its file system is to be believed. A block device holds data everywhere.
enum SparseExtents {
    static func data(of descriptor: Int32, size: Int64, at location: String) throws(StorageError) -> [Range<Int64>] {
        guard FileHoles.areKnown(of: descriptor) else { return size > 0 ? [0..<size] : [] }
        var ranges: [Range<Int64>] = []
        var offset: Int64 = 0
        while offset < size {
            let start = lseek(descriptor, off_t(offset), Kernel.seekData)
            if start < 0, errno == ENXIO { break }  // nothing but a hole up to the end
            if start < 0, errno == EINVAL || errno == EOPNOTSUPP { return [0..<size] }  // nobody can tell
            guard start >= 0 else { throw .system(errno, expected: "where the data lies", at: location) }
            guard start < size else { break }  // it grew meanwhile
            let end = lseek(descriptor, start, Kernel.seekHole)
            guard end >= 0 else { throw .system(errno, expected: "where the data ends", at: location) }
            ranges.append(Int64(start)..<min(Int64(end), size))
            offset = Int64(end)
        }
        return ranges
    }
}
