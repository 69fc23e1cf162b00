import StorageKit

/// Reads files one after another and cuts them into blobs; used by one thread at a time.
final class ContentReader: @unchecked Sendable {  // the walk makes one call at a time
    private let pool: BufferPool
    private let queue: BoundedQueue<ReadBuffer>
    private let counters: ArchiveCounters
    private let breakdown: Breakdown
    private var chunker: Chunker
    private var buffer: ReadBuffer?
    /// Whether it was sent on: who refers to it does not store it.
    private var hasZeroBlob = false
    private static let zeroBlob = ZeroBlobs().id(of: Int64(Chunker.minimum))

    init(tables: RabinTables, pool: BufferPool, queue: BoundedQueue<ReadBuffer>, counters: ArchiveCounters, breakdown: Breakdown) {
        self.pool = pool
        self.queue = queue
        self.counters = counters
        self.breakdown = breakdown
        chunker = Chunker(tables)
    }

    /// Reads one file to its end; its blobs go to `file`. Returns its bytes, those of holes among them, which are not read.
    ///
    /// A hole is cut as if its zeros were read: after 64 of them every place is a cut, so from the first cut on all its chunks are as short as may be,
    /// and one and the same blob, whatever the polynomial. That one is looked at once; the others are only counted.
    func read(_ reader: any FileReader, into file: FileAssembly) throws -> UInt64 {
        var buffer = try self.buffer ?? pool.take()
        self.buffer = buffer
        var start = buffer.used
        var size: UInt64 = 0
        /// Of a hole, what is not cut yet.
        var zeros: Int64 = 0
        chunker.reset()
        do {
            while true {
                try breakdown.check()
                if start >= ReadBuffer.fullBytes {
                    buffer = try dispatch(keeping: start)
                    start = 0
                }
                if zeros == 0 {
                    zeros = try reader.skipHole()
                    size += UInt64(zeros)
                }
                if zeros >= Chunker.minimum, start == buffer.used, hasZeroBlob {
                    file.append(Self.zeroBlob, count: Int(zeros / Int64(Chunker.minimum)))
                    zeros %= Int64(Chunker.minimum)
                }
                let slice = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[buffer.used..<buffer.used + ReadBuffer.sliceBytes])
                let isHole = zeros > 0
                let count = try isHole ? Self.fill(slice, with: &zeros) : reader.read(into: slice)
                guard count > 0 else { break }
                if !isHole {
                    counters.read(count)
                    size += UInt64(count)
                }
                buffer.used += count
                start = cut(buffer, from: start, into: file)
                // What follows the last cut of a hole's zeros is nothing but such: it is taken back, to be counted.
                if isHole, buffer.used - start < count {
                    zeros += Int64(buffer.used - start)
                    buffer.used = start
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

    private static func fill(_ slice: UnsafeMutableRawBufferPointer, with zeros: inout Int64) -> Int {
        let count = Int(min(Int64(slice.count), zeros))
        UnsafeMutableRawBufferPointer(rebasing: slice[..<count]).initializeMemory(as: UInt8.self, repeating: 0)
        zeros -= Int64(count)
        return count
    }

    /// Cuts what is in the buffer from `start` on as far as it goes; returns where the last cut is.
    private func cut(_ buffer: ReadBuffer, from start: Int, into file: FileAssembly) -> Int {
        var start = start
        while let length = chunker.cut(UnsafeBufferPointer(rebasing: buffer.bytes.bindMemory(to: UInt8.self)[start..<buffer.used])) {
            let range = start..<start + length
            let isZero = length == Chunker.minimum && ZeroBlobs.isZero(UnsafeRawBufferPointer(rebasing: buffer.bytes[range]))
            if isZero, hasZeroBlob {
                file.append(Self.zeroBlob, count: 1)
                // Nobody looks at it: what comes next may lie there.
                if range.upperBound == buffer.used { buffer.used = start } else { start = range.upperBound }
                continue
            }
            hasZeroBlob = hasZeroBlob || isZero
            buffer.pieces.append(ReadBuffer.Piece(range: range, file: file, index: file.expect()))
            start = range.upperBound
        }
        return start
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
