import Foundation
import StorageKit

/// Bytes read from one or several files, cut into blobs: what travels from the reading thread to the workers.
final class ReadBuffer {
    /// Dispatched once this much of it is whole blobs.
    static let fullBytes = 1 << 20
    /// Bytes asked of a file at once; at most this much is copied when a chunk straddles two buffers.
    static let sliceBytes = 256 << 10
    static let capacity = fullBytes + Chunker.maximum + sliceBytes

    struct Piece {
        var range: Range<Int>
        var file: any BlobReceiver
        var index: Int
    }

    /// Takes no memory before it is used.
    private let own = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 4096)
    /// What is read into instead of memory of its own, until the buffer goes back.
    var lent: LentMemory?
    var bytes: UnsafeMutableRawBufferPointer { lent?.bytes ?? own }
    /// Bytes that are filled.
    var used = 0
    var pieces: [Piece] = []

    deinit { own.deallocate() }
}

/// A bounded number of buffers, used again and again.
final class BufferPool: @unchecked Sendable {  // the free list is guarded by the lock
    private let allowance: Allowance
    private let lock = NSLock()
    private var free: [ReadBuffer] = []

    init(count: Int, breakdown: Breakdown) { allowance = Allowance(count, breakdown: breakdown) }

    /// Waits until one is free.
    func take() throws -> sending ReadBuffer {
        try allowance.take()
        nonisolated(unsafe) let buffer = lock.withLock { free.popLast() } ?? ReadBuffer()
        return buffer
    }

    func giveBack(_ buffer: ReadBuffer) {
        buffer.used = 0
        buffer.lent = nil
        buffer.pieces.removeAll(keepingCapacity: true)
        lock.withLock { free.append(buffer) }
        allowance.giveBack()
    }
}
