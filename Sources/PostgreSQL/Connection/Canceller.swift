import CLibPQ
import Dispatch
import Foundation
import Synchronization

/// Cancels the statement that a connection is working on, from any thread.
final class Canceller: Sendable {
    private let cancel: Cancel
    private struct State {
        var isRunning = false
        var isUnderWay = false
    }
    private let state = Mutex(State())
    private let underWay = DispatchGroup()
    private let requested = Atomic(false)

    private struct Cancel: @unchecked Sendable { let raw: OpaquePointer? }  // libpq allows PQcancel from any thread

    init(_ handle: Handle) { cancel = Cancel(raw: PQgetCancel(handle.raw)) }
    deinit { PQfreeCancel(cancel.raw) }

    func begin() {
        requested.store(false, ordering: .relaxed)
        state.withLock { $0.isRunning = true }
    }

    /// Waits a moment for a request in flight, so that it can't hit the next statement. False when it is in flight still, for libpq sets it no limit: the
    /// connection must not be used again then.
    func end() -> Bool {
        let isUnderWay = state.withLock { state in
            state.isRunning = false
            return state.isUnderWay
        }
        return !isUnderWay || underWay.wait(timeout: .now() + 3) == .success
    }

    var isRequested: Bool { requested.load(ordering: .relaxed) }

    func request() {
        requested.store(true, ordering: .relaxed)
        let isFirst = state.withLock { state in
            guard state.isRunning, !state.isUnderWay else { return false }
            state.isUnderWay = true
            underWay.enter()
            return true
        }
        guard isFirst else { return }
        // A thread of its own: with a server that takes the request and never ends the connection it waits for as long as that does.
        let thread = Thread { [self] in
            var message = [CChar](repeating: 0, count: 256)
            _ = PQcancel(cancel.raw, &message, Int32(message.count))
            state.withLock { $0.isUnderWay = false }
            underWay.leave()
        }
        thread.stackSize = 256 << 10
        thread.start()
    }
}
