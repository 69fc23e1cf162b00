import FlowModel
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
    }
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
        }
    }

    func doubt(_ worker: WorkerID) { state.withLock { _ = $0.uncertain.insert(worker) } }
    func isInDoubt(_ worker: WorkerID) -> Bool { state.withLock { $0.uncertain.contains(worker) } }
    func trust(_ worker: WorkerID) { state.withLock { _ = $0.uncertain.remove(worker) } }

    func isHandedOut(_ entry: Entry, to worker: WorkerID) -> Bool { state.withLock { $0.handedOut[worker]?.contains(entry) ?? false } }
}
