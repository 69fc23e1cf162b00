import Basics
import Synchronization

/// Which claims this process has handed to its workers. When the answer to a claim was lost with the connection, the database may have
/// started steps that nobody runs; they are those of the worker that are not in here.
final class ClaimLedger: Sendable {
    struct Entry: Sendable, Hashable {
        var job: JobID
        var step: StepID
        var token: Int64
    }
    private struct State {
        var handedOut: [WorkerID: Set<Entry>] = [:]
        var uncertain: Set<WorkerID> = []
        var sureSince: [WorkerID: ContinuousClock.Instant] = [:]
    }
    /// Then it is asked whatever is known: a row that says what no claim of this process did would say so for ever.
    private static let longestTrust = Duration.seconds(60)
    private let state = Mutex(State())

    func handOut(_ steps: [ClaimedStep], to worker: WorkerID) {
        state.withLock { state in
            for step in steps {
                state.handedOut[worker, default: []].insert(Entry(job: step.job, step: step.step, token: step.run[step.step]?.token ?? 0))
            }
        }
    }

    /// The attempt is over.
    func close(_ job: JobID, _ token: LiveToken) {
        let entry = Entry(job: job, step: token.step, token: token.token)
        state.withLock { state in
            for worker in state.handedOut.keys { state.handedOut[worker]?.remove(entry) }
        }
    }

    func forget(_ worker: WorkerID) {
        state.withLock { state in
            state.handedOut[worker] = nil
            state.uncertain.remove(worker)
            state.sureSince[worker] = nil
        }
    }

    func doubt(_ worker: WorkerID) { state.withLock { _ = $0.uncertain.insert(worker) } }
    func isInDoubt(_ worker: WorkerID) -> Bool {
        state.withLock { state in
            let now = ContinuousClock.now
            let since = state.sureSince[worker] ?? now
            state.sureSince[worker] = since
            return state.uncertain.contains(worker) || since + Self.longestTrust < now
        }
    }
    func trust(_ worker: WorkerID) {
        state.withLock { state in
            state.uncertain.remove(worker)
            state.sureSince[worker] = .now
        }
    }

    func isHandedOut(_ entry: Entry, to worker: WorkerID) -> Bool { state.withLock { $0.handedOut[worker]?.contains(entry) ?? false } }
}
