import Basics
import Synchronization

/// An event that waits to be decided, and who waits for what comes of it.
final class PendingEvent: Sendable {
    let event: RunEvent
    private struct State {
        var waiter: CheckedContinuation<AppliedEvent, any Error>?
        var isSettled = false
    }
    private let state = Mutex(State())

    init(_ event: RunEvent) { self.event = event }

    /// False when nobody waits any more.
    var isWanted: Bool { state.withLock { !$0.isSettled } }

    /// Called once. False when it was cancelled before.
    func begin(_ waiter: CheckedContinuation<AppliedEvent, any Error>) -> Bool {
        let isSettled = state.withLock { state in
            if !state.isSettled { state.waiter = waiter }
            return state.isSettled
        }
        if isSettled { waiter.resume(throwing: CancellationError()) }
        return !isSettled
    }

    /// The first outcome counts.
    func settle(_ outcome: Result<AppliedEvent, any Error>) {
        let waiter = state.withLock { state in
            defer {
                state.waiter = nil
                state.isSettled = true
            }
            return state.waiter
        }
        waiter?.resume(with: outcome)
    }
}

/// The events of each job that arrived in this process and were not decided yet, in their order.
final class PendingEvents: Sendable {
    /// So many are written by one statement at most.
    private static let most = 64
    /// A job is in here while somebody sees to its events.
    private let queues = Mutex<[JobID: [PendingEvent]]>([:])

    /// True when nobody sees to the job's events yet: the caller does from now on.
    func add(_ event: PendingEvent, to job: JobID) -> Bool {
        queues.withLock { queues in
            let isFirst = queues[job] == nil
            queues[job, default: []].append(event)
            return isFirst
        }
    }

    func count(of job: JobID) -> Int { queues.withLock { $0[job]?.count ?? 0 } }

    /// What is to be decided together. Nil when there is nothing left: nobody sees to the job's events any more.
    func next(of job: JobID) -> [PendingEvent]? {
        queues.withLock { queues in
            let waiting = (queues[job] ?? []).filter(\.isWanted)
            guard let first = waiting.first else {
                queues[job] = nil
                return nil
            }
            let batch = first.event.comesAlone ? [first] : Array(waiting.prefix { !$0.event.comesAlone }.prefix(Self.most))
            queues[job] = Array(waiting.dropFirst(batch.count))
            return batch
        }
    }
}

extension RunEvent {
    /// What the bases of a step replace is what stands, not what an event beside it makes of it. And an attempt is not opened and closed by one statement.
    fileprivate var comesAlone: Bool {
        switch self {
        case .start: true
        case .finish(_, _, let finished): !finished.bases.isEmpty
        case .begin, .fail, .stopped, .lost, .conditionFalse, .wait, .expand, .recordUndo, .workerLost, .maxHoldPassed, .signal, .cancel,
            .tick,
            .retryJob, .abandon:
            false
        }
    }
}
