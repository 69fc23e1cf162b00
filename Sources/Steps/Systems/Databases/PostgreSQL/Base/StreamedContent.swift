import StorageKit

/// The content of a stream's entry at hand.
final class StreamedContent: FileReader {
    private let listed: FileMetadata
    private let take: (UnsafeMutableRawBufferPointer) throws -> Int

    /// `take` fills the buffer and returns 0 at the end.
    init(_ metadata: FileMetadata, _ take: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) {
        listed = metadata
        self.take = take
    }

    func metadata() throws -> FileMetadata { listed }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = try take(UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    func close() {}
}
