import HostKit
import Glibc
import StorageKit
import Synchronization

/// Memory that a worker and a process of its own plug-ins both see (memfd_create(2)). The content of images goes through it: a socket copies what goes
/// through it twice, into fresh memory of the kernel's and of the reader's.
///
/// It is cut into slots, one for each call that is under way, and for what is lent. Only slots that were used take memory.
final class SharedMemory: Sendable {
    /// The number that its file has in the plug-in's process.
    static let descriptor: Int32 = 4

    /// As much as the largest extent of an image.
    static let slotBytes = 8 << 20
    private static let slots = 32
    /// So many are lent to nobody: calls have them for as long as they take.
    private static let kept = 8

    /// Whoever has taken it is the only one who touches it, but for the process that he asks meanwhile.
    struct Slot: @unchecked Sendable {
        /// From the memory's beginning.
        let offset: Int64
        let bytes: UnsafeMutableRawBufferPointer
    }

    /// The file, above the numbers that a plug-in's process begins with.
    let file: Int32
    private nonisolated(unsafe) let memory: UnsafeMutableRawBufferPointer
    /// The one that was used last is the next to be used: it is in the processor's cache.
    private let free = Mutex(Array(0..<slots))

    /// New memory; nil where the system has none to give.
    convenience init?() {
        let made = Kernel.memory(named: "snappy-flow", bytes: Int64(Self.slots * Self.slotBytes))
        guard made >= 0 else { return nil }
        let high = fcntl(made, F_DUPFD_CLOEXEC, 10)
        close(made)
        self.init(mapping: high)
    }

    /// The memory that the worker shares with this process; nil where it shares none.
    static let inherited = SharedMemory(mapping: descriptor)

    private init?(mapping file: Int32) {
        let bytes = Self.slots * Self.slotBytes
        // A file of another size is not ours.
        guard file >= 0, lseek(file, 0, SEEK_END) == off_t(bytes),
            let start = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), start != MAP_FAILED
        else {
            if file >= 0, file != Self.descriptor { close(file) }
            return nil
        }
        self.file = file
        memory = UnsafeMutableRawBufferPointer(start: start, count: bytes)
    }

    deinit {
        munmap(memory.baseAddress, memory.count)
        close(file)
    }

    /// Room for `count` bytes; nil where they are too many, or all slots are in use.
    func take(_ count: Int) -> Slot? {
        guard count <= Self.slotBytes, let slot = free.withLock({ $0.popLast() }) else { return nil }
        return place(Int64(slot * Self.slotBytes), Int64(count))
    }

    func giveBack(_ slot: Slot) { free.withLock { $0.append(Int(slot.offset) / Self.slotBytes) } }

    /// A slot that goes back by itself.
    func lend(_ count: Int) -> LentMemory? {
        guard count <= Self.slotBytes, let slot = free.withLock({ $0.count > Self.kept ? $0.popLast() : nil }),
            let place = place(Int64(slot * Self.slotBytes), Int64(Self.slotBytes))
        else { return nil }
        return LentMemory(place.bytes) { self.giveBack(place) }
    }

    /// Where these bytes are, as the other side finds them; nil where they are not of this memory.
    func offset(of bytes: UnsafeMutableRawBufferPointer) -> Int64? {
        guard let start = bytes.baseAddress, let first = memory.baseAddress, start >= first, start + bytes.count <= first + memory.count
        else { return nil }
        return Int64(start - first)
    }

    /// What the other side has named; nil where it is not within one slot.
    func place(_ offset: Int64, _ count: Int64) -> Slot? {
        let slot = Int64(Self.slotBytes)
        guard offset >= 0, offset < memory.count, 0...(slot - offset % slot) ~= count else { return nil }
        return Slot(offset: offset, bytes: UnsafeMutableRawBufferPointer(rebasing: memory[Int(offset)..<Int(offset + count)]))
    }
}
