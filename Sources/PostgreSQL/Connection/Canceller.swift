import CLibPQ
import Dispatch
import Synchronization

/// Cancels the statement that a connection is working on, from any thread.
final class Canceller: Sendable {
    private let cancel: Cancel
    private let isRunning = Mutex(false)
    private let requested = Atomic(false)

    private struct Cancel: @unchecked Sendable { let raw: OpaquePointer? }  // libpq allows PQcancel from any thread

    init(_ handle: Handle) { cancel = Cancel(raw: PQgetCancel(handle.raw)) }
    deinit { PQfreeCancel(cancel.raw) }

    func begin() {
        requested.store(false, ordering: .relaxed)
        isRunning.withLock { $0 = true }
    }

    /// Waits for a request in flight, so that it can't hit the next statement.
    func end() { isRunning.withLock { $0 = false } }

    var isRequested: Bool { requested.load(ordering: .relaxed) }

    func request() {
        requested.store(true, ordering: .relaxed)
        DispatchQueue.global().async { [self] in
            isRunning.withLock { isRunning in
                guard isRunning else { return }
                var message = [CChar](repeating: 0, count: 256)
                _ = PQcancel(cancel.raw, &message, Int32(message.count))
            }
        }
    }
}
