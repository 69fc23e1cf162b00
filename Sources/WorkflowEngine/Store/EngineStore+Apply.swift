public import FlowModel
import PostgreSQL
import Synchronization

extension EngineStore {
    /// As the database has it now; from history, too.
    public func loadRun(_ job: JobID) async throws -> JobRun? {
        if let record = try await load([job]).first { return record.run }
        return try await loadHistory(job)?.run
    }

    /// Applies the event to the job and writes what follows, over and over until no other transition came between. When the connection
    /// breaks while the answer is awaited, it finds out whether it was written.
    public func apply(_ event: RunEvent, to job: JobID) async throws -> AppliedEvent {
        let unanswered = Unanswered()
        var breaks = 0
        while true {
            do {
                let remembered = memory[job]
                let record = if let remembered { remembered } else { try await load([job]).first }
                guard let record else {
                    guard let old = try await loadHistory(job) else { throw StoreError.noJob(job) }
                    let decision = try Decision(event, on: old, now: try await now())
                    if decision.refusal != nil { return AppliedEvent(actions: decision.actions, run: old.run) }
                    try await restoreFromHistory(job)
                    continue
                }
                if let written = unanswered.decision, try written.isWhatStands(record.run) { return accept(written) }
                unanswered.decision = nil
                let decision = try await attempt(event, on: record, unanswered)
                if let decision, decision.refusal == nil || remembered == nil { return accept(decision) }
                // Another transition came first, or what was remembered is old.
                unanswered.decision = nil
                memory.forget(job)
            } catch let error as PostgreSQLError where error.retry == .transient {
                memory.forget(job)
                if !error.isConnectionLost { unanswered.decision = nil }
                breaks += 1
                guard breaks < 4 else { throw error }
                try await Task.sleep(for: .milliseconds(20 * breaks))
            }
        }
    }

    private func accept(_ decision: Decision) -> AppliedEvent {
        if let token = decision.token, decision.after.run[token.step]?.state != .running { ledger.close(decision.before.job, token) }
        memory.keep(decision.after)
        return AppliedEvent(actions: decision.actions, run: decision.after.run)
    }

    /// Nil when another transition came first.
    private func attempt(_ event: RunEvent, on record: RunRecord, _ unanswered: Unanswered) async throws -> Decision? {
        let limits = try await limits(of: record)
        let now = try await now()
        @Sendable func write(_ event: RunEvent, on connection: Connection?) async throws -> Decision? {
            let decision = try Decision(event, on: record, now: now)
            guard decision.refusal == nil else { return decision }
            unanswered.decision = decision
            return try await self.write([decision.transition(limits: limits)], on: connection) == [record.job] ? decision : nil
        }
        guard case .finish(let step, let token, let finished) = event, !finished.bases.isEmpty else {
            return try await write(event, on: nil)
        }
        // Which bases the new ones replace is read in the same transaction.
        return try await pool.transaction { connection in
            var complete = finished
            complete.formerBases = try await self.formerBases(of: finished.bases, tenant: record.tenant, on: connection)
            return try await write(.finish(step, token: token, complete), on: connection)
        }
    }

    func limits(of record: RunRecord) async throws -> [String: Int] { try await plan(record.plan, tenant: record.tenant).limits }

    /// The jobs whose transition was accepted.
    func write(_ transitions: [JSONValue], on connection: Connection?) async throws -> [JobID] {
        let sql = Self.sql("transition")
        let parameters: [SQLValue] = [.json(.array(transitions))]
        let rows = if let connection { try await connection.query(sql, parameters) } else { try await pool.query(sql, parameters) }
        for row in rows { clock.note(try row.instant("now")) }
        return try rows.map { JobID(rawValue: try $0.get("job")) }
    }
}

/// A decision that was sent and not answered yet.
private final class Unanswered: Sendable {
    private let value = Mutex<Decision?>(nil)
    var decision: Decision? {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}

/// An event decided on a loaded run, not yet written.
struct Decision: Sendable {
    let before: RunRecord
    var after: RunRecord
    var actions: [RunAction]
    let now: Instant
    let token: (step: StepID, token: Int64)?

    init(_ event: RunEvent, on record: RunRecord, now: Instant) throws {
        before = record
        after = record
        self.now = now
        token = event.token
        actions = after.run.handle(event, now: now, random: .random(in: 0...1))
    }

    var refusal: Refusal? {
        if case .refused(let refusal) = actions.first { refusal } else { nil }
    }

    /// Another event on top of it, written with it. Returns why it changed nothing.
    mutating func add(_ event: RunEvent) -> Refusal? {
        let more = after.run.handle(event, now: now, random: .random(in: 0...1))
        if case .refused(let refusal) = more.first { return refusal }
        actions += more
        return nil
    }

    func transition(limits: [String: Int]) throws -> JSONValue {
        try Transition(job: before.job, from: before.run, to: after.run, actions: actions, token: token, limits: limits, now: now).json
    }

    /// True when a run that was loaded is this decision's, so it was written.
    func isWhatStands(_ run: JobRun) throws -> Bool {
        guard run.job.version == after.run.job.version else { return false }
        // Through JSON, where 2 and 2.0 are the same.
        return try JSONValue(encoding: run).canonicalBytes == JSONValue(encoding: after.run).withoutNUL.canonicalBytes
    }
}

extension RunEvent {
    /// The token that a worker's event must still hold.
    var token: (step: StepID, token: Int64)? {
        switch self {
        case .finish(let id, let token, _), .fail(let id, let token, _), .stopped(let id, let token), .lost(let id, let token),
            .conditionFalse(let id, let token), .wait(let id, let token, _), .expand(let id, let token, _),
            .recordUndo(let id, let token, _):
            (id, token)
        case .begin, .start, .workerLost, .maxHoldPassed, .signal, .cancel, .tick, .retryJob, .abandon: nil
        }
    }
}
