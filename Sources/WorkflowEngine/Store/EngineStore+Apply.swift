import FlowModel
public import Basics
import PostgreSQL
import Synchronization

extension EngineStore {
    /// As the database has it now; from history, too.
    public func loadRun(_ job: JobID) async throws -> JobRun? {
        if let record = try await load([job]).first { return record.run }
        return try await loadHistory(job)?.run
    }

    /// Applies the event to the job and writes what follows, over and over until no other transition came between. Events that arrive while a
    /// transition of their job is under way are decided together, one on top of the other, and written as one.
    ///
    /// Throws `CancellationError` at once when the task is cancelled: whether it was written is unknown then.
    func apply(_ event: RunEvent, to job: JobID) async throws -> AppliedEvent {
        let event = PendingEvent(event)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                guard event.begin(waiter), pending.add(event, to: job) else { return }
                // Of its own: what others wait for too does not end with one of them.
                Task { await self.seeToEvents(of: job) }
            }
        } onCancel: {
            event.settle(.failure(CancellationError()))
        }
    }

    private func seeToEvents(of job: JobID) async {
        while true {
            _ = await turns.take(job)
            guard let batch = pending.next(of: job) else { return turns.giveBack(job) }
            await settle(batch, of: job)
            turns.giveBack(job)
        }
    }

    private func settle(_ batch: [PendingEvent], of job: JobID) async {
        do {
            let outcomes = try await TransitionWriter(store: self, job: job, events: batch.map(\.event)).write()
            for (event, outcome) in zip(batch, outcomes) { event.settle(.success(outcome)) }
        } catch {
            let isTransient = (error as? any ExplainedError)?.retry == .transient
            guard batch.count > 1, !isTransient else {
                for event in batch { event.settle(.failure(error)) }
                return
            }
            // One that can't be written takes no other with it.
            for event in batch { await settle([event], of: job) }
        }
    }

    /// What a transition of this process came to is what is known of its job now.
    func accept(_ decision: Decision) {
        for token in decision.tokens where decision.after.run[token.step]?.state != .running { ledger.close(decision.before.job, token) }
        memory.keep(decision.after)
    }

    func limits(of record: RunRecord, on connection: Connection? = nil) async throws -> [String: Int] {
        try await plan(record.plan, tenant: record.tenant, on: connection).limits
    }

    /// The jobs whose transition was accepted.
    func write(_ transitions: [JSONValue], on connection: Connection?) async throws -> [JobID] {
        counts.transitions.add(1, ordering: .relaxed)
        let sql = Self.sql("transition")
        let parameters: [SQLValue] = [.json(.array(transitions))]
        let rows = if let connection { try await connection.query(sql, parameters) } else { try await pool.query(sql, parameters) }
        for row in rows { clock.note(try row.instant("now")) }
        return try rows.map { JobID(rawValue: try $0.get("job")) }
    }
}
