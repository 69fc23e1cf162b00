@testable import Repository
import StorageKit
import Synchronization
import Testing

/// Requests to one server are counted for all who make them.
@Suite struct HostSlotsTests {
    /// How many are under way, and the most that were.
    private final class Meter: Sendable {
        private let state = Mutex((now: 0, most: 0, done: 0))
        func enter() { state.withLock { state in (state.now, state.most) = (state.now + 1, max(state.most, state.now + 1)) } }
        func leave() { state.withLock { state in (state.now, state.done) = (state.now - 1, state.done + 1) } }
        var most: Int { state.withLock { $0.most } }
        var done: Int { state.withLock { $0.done } }
        var now: Int { state.withLock { $0.now } }
    }

    @Test func thoseOfManyUsersAreTogetherNoMoreThanOneMayMake() async throws {
        let (slots, meter) = (HostSlots(), Meter())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    try await slots.within(5, of: "https://one") {
                        meter.enter()
                        for _ in 0..<3 { await Task.yield() }
                        meter.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(meter.done == 200 && meter.most <= 5 && meter.most > 1, "\(meter.most)")
    }

    @Test func anotherServerIsNotWaitedFor() async throws {
        let slots = HostSlots()
        let value = try await slots.within(1, of: "https://one") { try await slots.within(1, of: "https://two") { 7 } }
        #expect(value == 7)
    }

    /// Who asks for less waits for more to end, and is not overtaken for ever.
    @Test func nobodyIsOvertaken() async throws {
        let slots = HostSlots()
        let (held, hold) = AsyncStream.makeStream(of: Void.self)
        let meter = Meter()
        let holders = (0..<3).map { _ in
            Task { [held] in
                try await slots.within(3, of: "h") {
                    meter.enter()
                    for await _ in held {}
                }
            }
        }
        while meter.now < 3 { await Task.yield() }
        let order = Collected<String>()
        let modest = Task { try await slots.within(1, of: "h") { order.append("modest") } }
        for _ in 0..<1000 { await Task.yield() }
        let late = Task { try await slots.within(3, of: "h") { order.append("late") } }
        for _ in 0..<1000 { await Task.yield() }
        #expect(order.values.isEmpty)
        hold.finish()
        for holder in holders { try await holder.value }
        try await modest.value
        try await late.value
        #expect(order.values == ["modest", "late"])
    }

    @Test func whoIsCancelledWhileWaitingLeavesTheLine() async throws {
        let slots = HostSlots()
        let (held, hold) = AsyncStream.makeStream(of: Void.self)
        let meter = Meter()
        let holder = Task {
            try await slots.within(1, of: "h") {
                meter.enter()
                for await _ in held {}
            }
        }
        while meter.now < 1 { await Task.yield() }
        let waiting = (0..<20).map { _ in Task { try await slots.within(1, of: "h") { meter.enter() } } }
        for _ in 0..<100 { await Task.yield() }
        for task in waiting { task.cancel() }
        for task in waiting { await #expect(throws: CancellationError.self) { try await task.value } }
        hold.finish()
        try await holder.value
        #expect(try await slots.within(1, of: "h") { 1 } == 1)
        #expect(meter.now == 1)
    }

    @Test func aFailureGivesItsPlaceBack() async throws {
        struct Broken: Error {}
        let slots = HostSlots()
        await #expect(throws: Broken.self) { try await slots.within(1, of: "h") { throw Broken() } }
        #expect(try await slots.within(1, of: "h") { 1 } == 1)
    }
}
