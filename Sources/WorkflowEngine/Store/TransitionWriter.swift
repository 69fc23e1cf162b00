import Basics
import PostgreSQL
import Synchronization

/// Gets events of one job decided and written, in one transition. Its caller has its turn of the job.
///
/// First over what is remembered, without a lock: one statement. Where another process came between, it waits a moment and then locks the job,
/// so that what changed is read once and nobody comes between again.
struct TransitionWriter {
    let store: EngineStore
    let job: JobID
    let events: [RunEvent]
    /// A decision that was sent and not answered yet.
    private let unanswered = Unanswered()
    /// The version over which a decision was not accepted: where it stands all the same, what was remembered of it is not what there is.
    private let refused = RefusedVersion()

    private final class Unanswered: Sendable {
        private let value = Mutex<Decision?>(nil)
        var decision: Decision? {
            get { value.withLock { $0 } }
            set { value.withLock { $0 = newValue } }
        }
    }

    private final class RefusedVersion: Sendable {
        private let value = Mutex<Int64?>(nil)
        var version: Int64? {
            get { value.withLock { $0 } }
            set { value.withLock { $0 = newValue } }
        }
    }

    private enum Try {
        case done([AppliedEvent])
        /// What was remembered is old: another process's transition came first.
        case overtaken
        /// It is not among the jobs (any more).
        case gone
    }

    init(store: EngineStore, job: JobID, events: [RunEvent]) {
        self.store = store
        self.job = job
        self.events = events
    }

    /// What each event came to. When the connection breaks while the answer is awaited, it finds out whether it was written.
    func write() async throws -> [AppliedEvent] {
        var breaks = 0
        var isLocking = store.memory.isContended(job) || events.contains { !$0.bases.isEmpty }
        while true {
            do {
                switch try await isLocking ? locked() : remembered() {
                case .done(let outcomes): return outcomes
                case .overtaken:
                    isLocking = true
                    store.memory.setContended(job, true)
                    // Not at once, and not all at the same time; and of this job only.
                    try await Task.sleep(for: .microseconds(Int.random(in: 500...5000)))
                case .gone:
                    if let outcomes = try await fromHistory() { return outcomes }
                }
            } catch let error as PostgreSQLError where error.retry == .transient {
                store.memory.forget(job)
                if !error.isConnectionLost { unanswered.decision = nil }
                breaks += 1
                guard breaks < 4 else { throw error }
                try await Task.sleep(for: .milliseconds(20 * breaks))
            } catch let error as Explanation where error.isRotten && isLocking {
                // Its lock is gone now.
                try await store.setAside([RottenJob(job, error)])
                throw error
            }
        }
    }

    /// Over what is remembered, or loaded without a lock.
    private func remembered(isFresh: Bool = false) async throws -> Try {
        let known = isFresh ? nil : store.memory[job]
        let record = if let known { known } else { try await store.refresh(job) }
        guard let record else { return .gone }
        if let outcomes = try whatStands(record) { return .done(outcomes) }
        let decision = decide(on: record, now: try await store.now())
        if decision.changesNothing {
            if known == nil { return .done(decision.outcomes) }
            // What was remembered may be old.
            return try await remembered(isFresh: true)
        }
        unanswered.decision = decision
        let transition = try decision.transition(limits: try await store.limits(of: record))
        if try await store.write([transition], on: nil) == [job] { return .done(accept(decision)) }
        unanswered.decision = nil
        refused.version = record.run.job.version
        store.counts.lostRaces.add(1, ordering: .relaxed)
        return .overtaken
    }

    /// Nobody comes between.
    private func locked() async throws -> Try {
        let now = try await store.now()
        let (outcome, decision) = try await store.pool.transaction { connection -> (Try, Decision?) in
            let rows = try await connection.query(EngineStore.sql("lock-job"), [.text(job.rawValue)])
            guard let version = try rows.first?.get("version", as: Int64.self) else {
                store.memory.forget(job)
                return (.gone, nil)
            }
            if refused.version == version { store.memory.forget(job) }
            let known = store.memory[job].flatMap { $0.run.job.version == version ? $0 : nil }
            store.memory.setContended(job, known == nil)
            let record = if let known { known } else { try await store.refresh(job, on: connection) }
            guard let record else { return (.gone, nil) }
            if let outcomes = try whatStands(record) { return (.done(outcomes), nil) }
            var events = events
            // Which bases the new ones replace is read in the same transaction.
            for (index, event) in events.enumerated() where !event.bases.isEmpty {
                guard case .finish(let step, let token, var finished) = event else { continue }
                finished.formerBases = try await store.formerBases(of: finished.bases, tenant: record.tenant, on: connection)
                events[index] = .finish(step, token: token, finished)
            }
            let decision = decide(events, on: record, now: now)
            guard !decision.changesNothing else { return (.done(decision.outcomes), nil) }
            unanswered.decision = decision
            let transition = try decision.transition(limits: try await store.limits(of: record, on: connection))
            guard try await store.write([transition], on: connection) == [job] else {
                throw Explanation(
                    .transitionRefused, expected: "a locked job to stay as it is", found: "another version, or another attempt of a step",
                    at: "job \(job)", retry: .transient)
            }
            return (.done([]), decision)
        }
        guard let decision else { return outcome }
        return .done(accept(decision))
    }

    /// From where only `jobs retry` brings it back. Nil when it is back.
    private func fromHistory() async throws -> [AppliedEvent]? {
        guard let old = try await store.loadHistory(job) else { throw Explanation.noJob(job) }
        let decision = decide(on: old, now: try await store.now())
        if decision.changesNothing { return decision.outcomes }
        try await store.restoreFromHistory(job)
        return nil
    }

    private func decide(_ events: [RunEvent]? = nil, on record: RunRecord, now: Instant) -> Decision {
        var decision = Decision(on: record, now: now)
        for event in events ?? self.events { decision.add(event) }
        return decision
    }

    /// What was sent and never answered, when it was written all the same.
    private func whatStands(_ record: RunRecord) throws -> [AppliedEvent]? {
        if let written = unanswered.decision, try written.isWhatStands(record.run) { return accept(written) }
        unanswered.decision = nil
        return nil
    }

    private func accept(_ decision: Decision) -> [AppliedEvent] {
        store.accept(decision)
        return decision.outcomes
    }
}
