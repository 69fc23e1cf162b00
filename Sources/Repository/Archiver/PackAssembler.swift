import Crypto
import Foundation

/// The packs being filled: one of data for each worker, so that workers don't wait for each other, and one of trees for all.
final class PackAssembler: @unchecked Sendable {  // each open pack is guarded by its own lock, the free list by another
    private final class Slot {
        let lock = NSLock()
        var builder: PackBuilder?
    }

    private let slots: [Slot]
    private let memoryLock = NSLock()
    private var memory: [[UInt8]] = []
    private let deliver: @Sendable (FinishedPack) throws -> Void

    /// `deliver` may block until the store has caught up.
    init(workers: Int, deliver: @escaping @Sendable (FinishedPack) throws -> Void) {
        slots = (0...workers).map { _ in Slot() }
        self.deliver = deliver
    }

    func add(_ key: BlobKey, _ content: UnsafeRawBufferPointer, plainLength: Int, worker: Int, _ sealer: Sealer) throws {
        let slot = slots[key.kind == .tree ? slots.count - 1 : worker]
        let full: PackBuilder? = slot.lock.withLock {
            let builder = slot.builder ?? PackBuilder(memory: reusedMemory())
            builder.add(key, content, plainLength: plainLength, sealer)
            slot.builder = builder.isFull ? nil : builder
            return builder.isFull ? builder : nil
        }
        if let full { try deliver(full.finish(sealer)) }
    }

    /// Names a blob of data; the worker's open pack is hashed beside it.
    func digest(_ plain: UnsafeRawBufferPointer, worker: Int, _ hash: SHA256) -> ObjectID {
        let slot = slots[worker]
        return slot.lock.withLock { slot.builder?.digest(plain, hash) } ?? hash.digest(plain)
    }

    /// Takes every open pack; leftovers of data are put together where they fit.
    func takeAll(_ sealer: Sealer) -> [FinishedPack] {
        let open = slots.map { slot in
            slot.lock.withLock {
                defer { slot.builder = nil }
                return slot.builder
            }
        }
        var data: [PackBuilder] = []
        for builder in open.dropLast().compactMap({ $0 }) {
            if let last = data.last, last.fits(builder) { last.absorb(builder) } else { data.append(builder) }
        }
        return (data + open.suffix(1).compactMap { $0 }).filter { !$0.isEmpty }.map { $0.finish(sealer) }
    }

    private func reusedMemory() -> [UInt8] { memoryLock.withLock { memory.popLast() } ?? [] }

    /// Keeps a stored pack's memory for the next.
    func recycle(_ bytes: [UInt8]) {
        guard bytes.capacity > 1 << 20 else { return }
        memoryLock.withLock { if memory.count < slots.count { memory.append(bytes) } }
    }
}
