import Foundation
import StorageKit
import Testing

@testable import PluginHost

@Suite struct SharedMemoryTests {
    @Test func slotsAreDisjointAndComeBack() throws {
        let memory = try #require(SharedMemory())
        let size = SharedMemory.slotBytes
        var slots: [SharedMemory.Slot] = []
        while let slot = memory.take(size) { slots.append(slot) }
        #expect(slots.count == 32 && Set(slots.map(\.offset)).count == 32)
        for (index, slot) in slots.enumerated() { slot.bytes.initializeMemory(as: UInt8.self, repeating: UInt8(index)) }
        for (index, slot) in slots.enumerated() { #expect(slot.bytes.first == UInt8(index) && slot.bytes.last == UInt8(index)) }
        memory.giveBack(slots[3])
        #expect(memory.take(10)?.offset == slots[3].offset)
        #expect(memory.take(10) == nil)
    }

    @Test func whatIsTooMuchFindsNoRoom() throws {
        let memory = try #require(SharedMemory())
        #expect(memory.take(SharedMemory.slotBytes + 1) == nil)
        #expect(memory.take(1)?.bytes.count == 1)
    }

    @Test func whatIsLentComesBackByItself() throws {
        let memory = try #require(SharedMemory())
        var lent: [LentMemory] = []
        while let next = memory.lend(1 << 20) { lent.append(next) }
        // The rest is for calls.
        #expect(lent.count == 24 && Set(lent.map { memory.offset(of: $0.bytes) }).count == 24)
        #expect(memory.take(SharedMemory.slotBytes) != nil)
        let bytes = try #require(lent.last).bytes
        let part = UnsafeMutableRawBufferPointer(rebasing: bytes[100..<200])
        let offset = try #require(memory.offset(of: part))
        #expect(memory.place(offset, 100)?.bytes.baseAddress == part.baseAddress)
        lent.removeLast(2)
        #expect(memory.lend(SharedMemory.slotBytes) != nil && memory.lend(SharedMemory.slotBytes + 1) == nil)
        let other = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 8)
        defer { other.deallocate() }
        #expect(memory.offset(of: other) == nil)
    }

    @Test func nothingReachesBeyondItsSlot() throws {
        let memory = try #require(SharedMemory())
        let size = Int64(SharedMemory.slotBytes)
        #expect(memory.place(size, size)?.offset == size)
        for (offset, count) in [
            (-size, 1), (32 * size, 1), (1, size), (size - 1, 2), (0, size + 1), (0, -1), (Int64.max, 1), (Int64.min, Int64.max),
        ] {
            #expect(memory.place(offset, count) == nil, "\(offset) \(count)")
        }
    }

    /// Nobody makes it shorter under us: reading would be the end of the process then.
    @Test func itCannotShrink() throws {
        let memory = try #require(SharedMemory())
        #expect(ftruncate(memory.file, 0) != 0 && errno == EPERM)
        #expect(fcntl(memory.file, F_GETFD) & FD_CLOEXEC != 0 && memory.file >= 10)
    }
}
