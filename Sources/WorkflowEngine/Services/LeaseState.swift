import Basics
import Synchronization

/// Whether this worker's lease still stands, as far as it can know without asking: asked by bodies before what can't be taken back.
final class LeaseState: Sendable {
    private struct State {
        var heldUntil: ContinuousClock.Instant
        var isFenced = false
    }
    private let state: Mutex<State>

    init(heldUntil: ContinuousClock.Instant) { state = Mutex(State(heldUntil: heldUntil)) }

    /// False for ever once fenced: who has stopped because of a doubt does not start again under the same name.
    var isHeld: Bool { state.withLock { !$0.isFenced && ContinuousClock.now < $0.heldUntil } }

    var heldUntil: ContinuousClock.Instant { state.withLock { $0.heldUntil } }

    /// The lease counts from the moment before the renewal was sent: the server's counts from later.
    func renew(sentAt: ContinuousClock.Instant, lease: TimeSpan) {
        state.withLock { if !$0.isFenced { $0.heldUntil = max($0.heldUntil, sentAt + lease.duration) } }
    }

    func fence() { state.withLock { $0.isFenced = true } }
}
