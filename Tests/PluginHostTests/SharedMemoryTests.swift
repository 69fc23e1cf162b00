import Foundation
import Testing

@testable import PluginHost

@Suite struct SharedMemoryTests {
    @Test func slotsAreDisjointAndComeBack() throws {
        let memory = try #require(SharedMemory())
        let size = SharedMemory.slotBytes
        var slots: [SharedMemory.Slot] = []
        while let slot = memory.take(size) { slots.append(slot) }
        #expect(slots.count == 16 && Set(slots.map(\.offset)).count == 16)
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

    @Test func onlyWholeSlotsHaveNames() throws {
        let memory = try #require(SharedMemory())
        let size = Int64(SharedMemory.slotBytes)
        #expect(memory.place(size, size)?.offset == size)
        for (offset, count) in [(-size, 1), (16 * size, 1), (1, 1), (0, size + 1), (0, -1), (Int64.max, 1), (Int64.min, Int64.max)] {
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
