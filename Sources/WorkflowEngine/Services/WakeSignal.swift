import Basics
import Synchronization

/// A flag that one task waits on and others raise. Raised before the wait, it ends the wait at once: no wake-up is lost.
public final class WakeSignal: Sendable {
    private struct State {
        var isRaised = false
        var waiter: (id: Int, continuation: CheckedContinuation<Void, Never>)?
        var count = 0
    }
    private let state = Mutex(State())

    public init() {}

    public func raise() {
        let waiter = state.withLock { state in
            let waiter = state.waiter
            state.waiter = nil
            state.isRaised = waiter == nil
            return waiter
        }
        waiter?.continuation.resume()
    }

    /// Returns when raised, after `limit`, or when the task is cancelled.
    public func wait(atMost limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait() }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Returns when raised or when the task is cancelled.
    func wait() async {
        let id = state.withLock { state in
            state.count += 1
            return state.count
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if Task.isCancelled { return true }
                    if state.isRaised {
                        state.isRaised = false
                        return true
                    }
                    let former = state.waiter
                    state.waiter = (id, continuation)
                    former?.continuation.resume()
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard state.waiter?.id == id else { return nil }
                defer { state.waiter = nil }
                return state.waiter?.continuation
            }
            waiter?.resume()
        }
    }
}
