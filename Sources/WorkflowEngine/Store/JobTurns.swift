import Basics
import Synchronization

/// Whose turn it is, within this process, to change a job. Who has it may go by what is remembered of the job, for only another process can
/// come between: of two transitions decided on one version the second would be for nothing, and its job would be loaded once more.
final class JobTurns: Sendable {
    private struct Waiter {
        let id: Int
        let turn: CheckedContinuation<Bool, Never>
    }
    private struct State {
        /// The jobs that somebody has, with those who wait, the first first.
        var taken: [JobID: [Waiter]] = [:]
        var count = 0
    }
    private let state = Mutex(State())

    /// The jobs that somebody has, in an order that is everybody's: two who wait for several never wait for each other.
    var taken: [JobID] { state.withLock { $0.taken.keys.sorted() } }

    /// Without waiting.
    func tryTake(_ job: JobID) -> Bool {
        state.withLock { state in
            guard state.taken[job] == nil else { return false }
            state.taken[job] = []
            return true
        }
    }

    /// Waits for its turn; false when it did not come within `limit`.
    func take(_ job: JobID, within limit: Duration? = nil) async -> Bool {
        await withCheckedContinuation { continuation in
            let id = state.withLock { state -> Int? in
                guard state.taken[job] != nil else {
                    state.taken[job] = []
                    return nil
                }
                state.count += 1
                state.taken[job]?.append(Waiter(id: state.count, turn: continuation))
                return state.count
            }
            guard let id else { return continuation.resume(returning: true) }
            guard let limit else { return }
            Task {
                try? await Task.sleep(for: limit)
                self.giveUp(job, id)
            }
        }
    }

    private func giveUp(_ job: JobID, _ id: Int) {
        let waiter = state.withLock { state -> Waiter? in
            guard let place = state.taken[job]?.firstIndex(where: { $0.id == id }) else { return nil }
            return state.taken[job]?.remove(at: place)
        }
        waiter?.turn.resume(returning: false)
    }

    /// It is the next one's turn.
    func giveBack(_ job: JobID) {
        let next = state.withLock { state -> Waiter? in
            guard let waiters = state.taken[job], !waiters.isEmpty else {
                state.taken[job] = nil
                return nil
            }
            return state.taken[job]?.removeFirst()
        }
        next?.turn.resume(returning: true)
    }
}

/// The jobs that one claim has its turn of.
final class HeldTurns: Sendable {
    private let turns: JobTurns
    private let held = Mutex<Set<JobID>>([])

    init(_ turns: JobTurns) { self.turns = turns }

    /// Waits a moment for its turn of each.
    func take(_ jobs: [JobID], within limit: Duration) async {
        for job in jobs where await turns.take(job, within: limit) { held.withLock { _ = $0.insert(job) } }
    }

    /// True when it has its turn, or gets it without waiting.
    func has(_ job: JobID) -> Bool {
        held.withLock { held in
            if held.contains(job) { return true }
            guard turns.tryTake(job) else { return false }
            held.insert(job)
            return true
        }
    }

    /// Gives back the others.
    func keep(_ jobs: Set<JobID>) {
        let others = held.withLock { held in
            defer { held.formIntersection(jobs) }
            return held.subtracting(jobs)
        }
        for job in others { turns.giveBack(job) }
    }
}
