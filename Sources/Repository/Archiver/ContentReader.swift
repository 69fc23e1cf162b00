import StorageKit

/// Reads files one after another and cuts them into blobs; used by one thread at a time.
final class ContentReader: @unchecked Sendable {  // the walk makes one call at a time
    private let pool: BufferPool
    private let queue: BoundedQueue<ReadBuffer>
    private let counters: ArchiveCounters
    private let breakdown: Breakdown
    private var chunker: Chunker
    private var buffer: ReadBuffer?

    init(tables: RabinTables, pool: BufferPool, queue: BoundedQueue<ReadBuffer>, counters: ArchiveCounters, breakdown: Breakdown) {
        self.pool = pool
        self.queue = queue
        self.counters = counters
        self.breakdown = breakdown
        chunker = Chunker(tables)
    }

    /// Reads one file to its end; its blobs go to `file`. Returns the bytes read.
    func read(_ reader: any FileReader, into file: FileAssembly) throws -> UInt64 {
        var buffer = try self.buffer ?? pool.take()
        self.buffer = buffer
        var start = buffer.used
        var size: UInt64 = 0
        chunker.reset()
        do {
            while true {
                try breakdown.check()
                if start >= ReadBuffer.fullBytes {
                    buffer = try dispatch(keeping: start)
                    start = 0
                }
                let slice = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[buffer.used..<buffer.used + ReadBuffer.sliceBytes])
                let count = try reader.read(into: slice)
                guard count > 0 else { break }
                counters.read(count)
                buffer.used += count
                size += UInt64(count)
                while let length = chunker.cut(UnsafeBufferPointer(rebasing: buffer.bytes.bindMemory(to: UInt8.self)[start..<buffer.used]))
                {
                    buffer.pieces.append(ReadBuffer.Piece(range: start..<start + length, file: file, index: file.expect()))
                    start += length
                }
            }
        } catch {
            buffer.used = start
            throw error
        }
        if buffer.used > start {
            buffer.pieces.append(ReadBuffer.Piece(range: start..<buffer.used, file: file, index: file.expect()))
        }
        return size
    }

    /// Sends the buffer on and returns another that begins with what is not a whole blob yet.
    private func dispatch(keeping start: Int) throws -> ReadBuffer {
        let next = try pool.take()
        guard let full = buffer else { return next }
        let rest = full.bytes[start..<full.used]
        next.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest))
        next.used = rest.count
        full.used = start
        buffer = next
        nonisolated(unsafe) let handed = full
        try queue.put(handed)
        return next
    }

    /// Sends on what is left.
    func flush() throws {
        guard let last = buffer else { return }
        buffer = nil
        nonisolated(unsafe) let handed = last
        try queue.put(handed)
    }
}
