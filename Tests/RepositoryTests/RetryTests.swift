import Basics
@testable import Repository
import StorageKit
import Synchronization
import Testing

/// What is repeated, for how long, and what somebody hears of it.
@Suite struct RetryTests {
    private static let away = StorageError(.unavailable, expected: "an answer", found: "none", at: "flaky", retry: .transient)
    private static func asking(_ span: TimeSpan) -> StorageError {
        var error = away
        error.retryAfter = span
        return error
    }

    private func wait(
        _ error: StorageError, _ attempt: Int, _ elapsed: Duration = .zero, answered: Bool = false, jitter: Double = 1,
        _ policy: StoreRetries = StoreRetries()
    ) -> Duration? {
        policy.wait(after: error, attempt: attempt, elapsed: elapsed, hasAnswered: answered, jitter: jitter)
    }

    // MARK: decisions

    @Test func pausesGrowToALimitAndComeApart() {
        let pauses = (1...9).map { wait(Self.away, $0, answered: true) }
        #expect(pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30].map { Duration.seconds($0) })
        #expect(wait(Self.away, 3, answered: true, jitter: 0) == .seconds(1))
        #expect(wait(Self.away, 3, answered: true, jitter: 0.5) == .milliseconds(1500))
        #expect(wait(Self.away, 1_000_000, answered: true) == .seconds(30))
    }

    @Test func aStoreThatNeverAnsweredIsGivenUpSoon() {
        #expect(wait(Self.away, 5) == .seconds(8))
        #expect(wait(Self.away, 6) == nil, "six tries")
        #expect(wait(Self.away, 2, .seconds(60)) == nil, "tries that take long themselves")
    }

    @Test func aStoreThatHasAnsweredIsWaitedFor() {
        #expect(wait(Self.away, 20, .seconds(14 * 60), answered: true) == .seconds(30))
        #expect(wait(Self.away, 20, .seconds(14 * 60 + 31), answered: true) == nil)
        #expect(wait(Self.away, 2, .seconds(16 * 60), answered: true) != nil, "tries that take long themselves: three at least")
        #expect(wait(Self.away, 3, .seconds(16 * 60), answered: true) == nil)
        let once = StoreRetries(limit: .seconds(0))
        #expect(wait(Self.away, 1, answered: true, once) == nil && wait(Self.away, 1, .zero, once) == nil)
    }

    @Test func whatTheServerAsksForIsHonouredWithinReason() {
        #expect(wait(Self.asking(.seconds(7)), 1, answered: true) == .seconds(7))
        #expect(wait(Self.asking(.seconds(7)), 20, .seconds(600)) == .seconds(30), "who asks for a pause is there")
        #expect(wait(Self.asking(.hours(5)), 1) == .seconds(300))
    }

    @Test(arguments: [
        (ErrorKind.notFound, Retryability.permanent, 0), (.exists, .lostRace, 0), (.unavailable, .permanent, 0),
        (.noSpace, .transient, 0), (.retained, .transient, 0), (.accessDenied, .transient, 0), (.invalid, .transient, 5),
        (.failed, .transient, 5), (.truncated, .transient, 5), (.truncated, .permanent, 0),
    ])
    func eachClassHasItsPatience(kind: ErrorKind, retry: Retryability, repetitions: Int) {
        let error = StorageError(kind, expected: "", found: "", at: "", retry: retry)
        #expect((1...50).filter { wait(error, $0, answered: true) != nil }.count == repetitions)
    }

    // MARK: calls

    private func policy(_ limit: TimeSpan = .minutes(1), _ events: Collected<RetryEvent> = Collected()) -> StoreRetries {
        StoreRetries(limit: limit, attempts: 4, pause: .microseconds(100), longestPause: .milliseconds(1)) { events.append($0) }
    }

    @Test func whatMayPassIsTriedAgain() async throws {
        let flaky = FlakyStore(failures: 3)
        try await RetryingStore(flaky, policy()).put("x", [1])
        #expect(flaky.calls == 4)
        let worse = FlakyStore(failures: 4)
        await #expect(throws: StorageError.self) { try await RetryingStore(worse, policy()).put("x", [1]) }
        let lost = FlakyStore(failures: 1, storesAnyway: true)
        try await RetryingStore(lost, policy()).put("x", [1])
        #expect(lost.calls == 2, "the answer was lost, the object is there")
    }

    @Test func anOutageInTheMiddleIsWaitedForAndTold() async throws {
        let (flaky, events) = (FlakyStore(failures: 300), Collected<RetryEvent>())
        let store = RetryingStore(flaky, policy(.minutes(5), events))
        _ = try await store.stat("x")
        try await store.put("x", [1])
        #expect(flaky.calls == 301)
        #expect(events.values.count == 2)
        #expect(events.values.first == .waits(Self.away, upTo: .minutes(5)))
        guard case .answers = events.values.last else { return #expect(Bool(false), "\(events.values)") }
    }

    @Test func whoWaitedInVainIsNotWaitedForAgain() async throws {
        let flaky = FlakyStore(failures: .max)
        let store = RetryingStore(flaky, policy(.milliseconds(1)))
        _ = try await store.stat("x")
        await #expect(throws: StorageError.self) { try await store.put("x", [1]) }
        let before = flaky.calls
        await #expect(throws: StorageError.self) { try await store.put("x", [1]) }
        #expect(before >= 3 && flaky.calls - before == 4, "\(before) \(flaky.calls)")
    }

    @Test func aCallThatIsCancelledEndsAndItsCleanUpIsShort() async throws {
        let flaky = FlakyStore(failures: .max)
        let store = RetryingStore(flaky, policy(.hours(1)))
        _ = try await store.stat("x")
        let call = Task { try await store.put("x", [1]) }
        while flaky.calls < 20 { await Task.yield() }
        call.cancel()
        await #expect(throws: (any Error).self) { try await call.value }
        let before = flaky.calls
        await #expect(throws: StorageError.self) { try await store.put("x", [1]) }
        #expect(flaky.calls - before == 4)
    }
}

/// `put` answers `unavailable` so many times.
private final class FlakyStore: ObjectStore {
    private let state: Mutex<(left: Int, calls: Int, stored: Bool)>
    private let storesAnyway: Bool

    init(failures: Int, storesAnyway: Bool = false) {
        state = Mutex((failures, 0, false))
        self.storesAnyway = storesAnyway
    }

    var calls: Int { state.withLock { $0.calls } }
    let properties = ObjectStoreProperties(connections: 1, createOnlyIsAtomic: true, location: "flaky")

    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        try state.withLock { state in
            state.calls += 1
            guard !state.stored else { throw StorageError(.exists, expected: "", found: "", at: "") }
            state.left -= 1
            if state.left < 0 || storesAnyway { state.stored = true }
            if state.left >= 0 { throw StorageError(.unavailable, expected: "an answer", found: "none", at: "flaky", retry: .transient) }
        }
    }

    func create() async throws {}
    func get(_ name: ObjectName) async throws -> [UInt8] { [] }
    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] { [] }
    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {}
    func stat(_ name: ObjectName) async throws -> ObjectInfo? { ObjectInfo(name: name, size: 1) }
    func delete(_ name: ObjectName) async throws {}
}
