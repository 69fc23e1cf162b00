import Synchronization

/// The first error of a run of many threads, and how the others are woken to stop.
final class Breakdown: Sendable {
    private struct State {
        var error: (any Error)?
        var wake: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    /// Records the error if it is the first and wakes whoever waits.
    func fail(_ error: any Error) {
        let wake = state.withLock { state -> [@Sendable () -> Void] in
            guard state.error == nil else { return [] }
            state.error = error
            return state.wake
        }
        for call in wake { call() }
    }

    var error: (any Error)? { state.withLock { $0.error } }

    func check() throws {
        if let error { throw error }
    }

    /// Calls `wake` on failure, at once if that has happened already.
    func onFailure(_ wake: @escaping @Sendable () -> Void) {
        let failed = state.withLock { state in
            state.wake.append(wake)
            return state.error != nil
        }
        if failed { wake() }
    }

    /// Runs a part of the work; its error becomes everybody's.
    func guarding<Value>(_ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch {
            fail(error)
            throw error
        }
    }
}
