import Basics
import Foundation
import StorageKit
import Synchronization

/// One call that waits for its answer: by one thread, with a deadline that moves while the plug-in says that it is at work.
// The destination is written by the data thread only while its owner waits; the rest is guarded.
final class PluginCall: @unchecked Sendable {
    struct Answer: Sendable {
        var result: JSONValue
        /// Empty where the data went into the destination, or where there is none.
        var data: [UInt8]
    }

    let name: String
    /// Where data that come are to go, all of it filled.
    let destination: UnsafeMutableRawBufferPointer?
    private let done = DispatchSemaphore(value: 0)
    private let state: Mutex<State>

    private struct State {
        var deadline: ContinuousClock.Instant
        var result: JSONValue?
        var expectedData: Int?
        var data: [UInt8]?
        /// Bytes of data that came.
        var received: Int?
        var outcome: Result<Answer, StorageError>?
    }

    init(_ name: String, into destination: UnsafeMutableRawBufferPointer?, timeout: Duration) {
        self.name = name
        self.destination = destination
        state = Mutex(State(deadline: .now + timeout))
    }

    /// Waits. Nil when the deadline has passed.
    func wait() -> Result<Answer, StorageError>? {
        while true {
            let (outcome, deadline) = state.withLock { ($0.outcome, $0.deadline) }
            if let outcome { return outcome }
            let left = deadline - .now
            guard left > .zero else { return nil }
            let (seconds, attoseconds) = left.components
            _ = done.wait(timeout: .now() + Double(seconds) + Double(attoseconds) / 1e18)
        }
    }

    func extend(by timeout: Duration) { state.withLock { $0.deadline = .now + timeout } }

    func answered(_ result: JSONValue, data: Int?) {
        state.withLock { state in
            state.result = result
            state.expectedData = data
            settle(&state)
        }
    }

    /// `bytes` nil: they lie in the destination.
    func received(_ bytes: [UInt8]?, count: Int) {
        state.withLock { state in
            state.data = bytes
            state.received = count
            settle(&state)
        }
    }

    private func settle(_ state: inout State) {
        guard let result = state.result, state.expectedData == nil || state.received != nil else { return }
        end(&state, .success(Answer(result: result, data: state.data ?? [])))
    }

    func failed(_ error: StorageError) { state.withLock { end(&$0, .failure(error)) } }

    private func end(_ state: inout State, _ outcome: Result<Answer, StorageError>) {
        guard state.outcome == nil else { return }
        state.outcome = outcome
        done.signal()
    }

    /// How many bytes came, when the call has succeeded.
    var receivedCount: Int { state.withLock { $0.received ?? 0 } }
}
