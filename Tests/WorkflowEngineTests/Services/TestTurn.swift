import Synchronization

/// The right to run workers: a few tests at a time, because each starts processes and connections of its own and watches clocks.
final class TestTurn: Sendable {
    private struct State {
        var free = 4
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private static let state = Mutex(State())

    static func take() async -> TestTurn {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiters.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
        return TestTurn()
    }

    private init() {}

    deinit {
        let next = Self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.waiters.isEmpty else { return state.waiters.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}
