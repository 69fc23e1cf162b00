import HostKit
import Glibc
import StorageKit

/// The bytes of an open file from start to end. Holes can be passed over.
struct FileContent {
    private let descriptor: Int32
    private let location: String
    private var position: Int64 = 0
    /// Up to here nobody need ask for a hole.
    private var settled: Int64 = 0

    /// Shorter holes are read, which costs no more than to ask for them.
    private static let worthAsking: Int64 = 512 << 10

    /// `descriptor` stays the caller's, who reads by this alone.
    init(_ descriptor: Int32, location: String) {
        self.descriptor = descriptor
        self.location = location
    }

    /// As `FileReader.read`.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(StorageError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let got = Glibc.read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
            if got == 0 { break }
            if got < 0 {
                if errno == EINTR { continue }
                throw .system(errno, expected: "bytes of the file", at: location)
            }
            filled += got
        }
        position += Int64(filled)
        return filled
    }

    /// As `FileReader.skipHole`: what is passed over was a hole when the kernel was asked, so that to read it then would have given zeros.
    mutating func skipHole() -> Int64 {
        guard position >= settled else { return 0 }
        settled = .max
        var before = stat()
        guard fstat(descriptor, &before) == 0, Int64(before.st_size) - position >= Self.worthAsking, FileHoles.areKnown(of: descriptor)
        else { return 0 }
        let data = Int64(lseek(descriptor, off_t(position), Kernel.seekData))
        guard data >= 0 else { return errno == ENXIO ? skipToEnd(before) : 0 }
        if data - position >= Self.worthAsking {
            // The kernel stands there now.
            defer { position = data }
            settled = data
            return data - position
        }
        let end = Int64(lseek(descriptor, off_t(data), Kernel.seekHole))
        if end > position { settled = end }
        lseek(descriptor, off_t(position), SEEK_SET)
        return 0
    }

    /// Nothing but a hole was left: up to the end, unless that was moved meanwhile. Then the rest is read.
    private mutating func skipToEnd(_ before: stat) -> Int64 {
        var after = stat()
        guard fstat(descriptor, &after) == 0, after.st_size == before.st_size,
            FileStatus.time(after.st_mtim) == FileStatus.time(before.st_mtim),
            FileStatus.time(after.st_ctim) == FileStatus.time(before.st_ctim),
            lseek(descriptor, before.st_size, SEEK_SET) == before.st_size
        else {
            lseek(descriptor, off_t(position), SEEK_SET)
            return 0
        }
        defer { position = Int64(before.st_size) }
        return Int64(before.st_size) - position
    }
}
