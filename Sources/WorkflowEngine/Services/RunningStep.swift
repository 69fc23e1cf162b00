import Basics
import Synchronization

/// A body in flight in this process, and why it was told to stop.
final class RunningStep: Sendable {
    enum Stop: Sendable, Hashable {
        /// By the machine.
        case told(StopReason)
        /// The worker shuts down or lost its lease: the step is given back.
        case givenBack
    }
    let job: JobID
    let step: StepID
    let token: Int64
    private struct State {
        var stop: Stop?
        var onStop: (@Sendable () -> Void)?
    }
    private let state = Mutex(State())

    init(job: JobID, step: StepID, token: Int64) {
        self.job = job
        self.step = step
        self.token = token
    }

    var stop: Stop? { state.withLock { $0.stop } }

    /// Called once when told to stop; at once when that has happened already.
    func onStop(_ action: @escaping @Sendable () -> Void) {
        let isStopped = state.withLock { state in
            state.onStop = action
            return state.stop != nil
        }
        if isStopped { action() }
    }

    /// The first reason counts, but a lost lease wins.
    func stop(_ reason: Stop) {
        let action = state.withLock { state -> (@Sendable () -> Void)? in
            if state.stop == nil || reason == .givenBack { state.stop = reason }
            return state.onStop
        }
        action?()
    }
}
