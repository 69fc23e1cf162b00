import Basics
import StorageKit

/// Reads a tar archive as it streams in. Used by one thread at a time.
final class TarReader {
    private let archive: String
    /// Fills the buffer as far as it can; 0 at the end of the archive.
    private let read: (UnsafeMutableRawBufferPointer) throws -> Int
    /// Of the entry at hand: content not read yet, and what fills its last block.
    private var left: Int64 = 0
    private var padding = 0
    private var hasEnded = false

    init(_ archive: String, read: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) {
        self.archive = archive
        self.read = read
    }

    /// The next entry; what the one before it has left is skipped. Nil at the archive's own end; an archive without one is cut off.
    func next() throws -> TarHeader? {
        guard !hasEnded else { return nil }
        try skip(left + Int64(padding))
        (left, padding) = (0, 0)
        let header = try withUnsafeTemporaryAllocation(byteCount: TarHeader.blockBytes, alignment: 16) { block in
            try fill(block)
            return try TarHeader(UnsafeRawBufferPointer(block), of: archive)
        }
        guard let header else {
            hasEnded = true
            return nil
        }
        left = header.metadata.size
        padding = (TarHeader.blockBytes - Int(left % Int64(TarHeader.blockBytes))) % TarHeader.blockBytes
        return header
    }

    /// Content of the entry at hand; 0 at its end.
    func readContent(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let wanted = Int(min(Int64(buffer.count), left))
        guard wanted > 0 else { return 0 }
        try fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
        left -= Int64(wanted)
        return wanted
    }

    private func skip(_ count: Int64) throws {
        var rest = count
        try withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 16) { buffer in
            while rest > 0 {
                let slice = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(Int64(buffer.count), rest))])
                try fill(slice)
                rest -= Int64(slice.count)
            }
        }
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer) throws {
        var filled = 0
        while filled < buffer.count {
            let count = try read(UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            guard count > 0 else {
                throw StorageError(
                    .truncated, expected: "the whole archive \(archive)", found: "its end in the middle of an entry", at: archive,
                    advice: "repeat the copy", retry: .transient)
            }
            filled += count
        }
    }
}
