import FlowModel
import PostgreSQL

extension EngineStore {
    /// Starts ready steps for the worker in one transaction: their jobs are locked, what they hold is taken, the machine starts them.
    public func claim(_ request: ClaimRequest) async throws -> [ClaimedStep] {
        guard request.limit > 0 else { return [] }
        let claimed = try await pool.transaction { connection in try await self.claim(request, on: connection) }
        for step in claimed.records { memory.keep(step) }
        return claimed.steps
    }

    private func claim(_ request: ClaimRequest, on connection: Connection) async throws -> (records: [RunRecord], steps: [ClaimedStep]) {
        let candidates = try await candidates(request, on: connection)
        let jobs = candidates.reduce(into: [JobID]()) { jobs, candidate in if !jobs.contains(candidate.job) { jobs.append(candidate.job) } }
        guard !jobs.isEmpty else { return ([], []) }
        let now = try await now(on: connection)
        let records = try await load(jobs, on: connection)
        var batch = ClaimBatch(records, now: now)
        for record in records { batch.plans[record.job] = try await plan(record.plan, tenant: record.tenant, on: connection) }
        for candidate in candidates where batch.count < request.limit { accept(candidate, request, &batch) }
        let covered = try await holds("covered-holds", [.texts(jobs.map(\.rawValue))], on: connection)
        let wants = batch.wants(covered: covered)
        let taken = wants.isEmpty ? [] : try await holds("take-holds", [.json(try JSONValue(encoding: wants))], on: connection)
        let unserved = batch.start(wants: wants, taken: taken)
        if !unserved.isEmpty {
            try await connection.query(
                Self.sql("give-back-holds"), [.texts(unserved.map(\.job.rawValue)), .texts(unserved.map(\.owner))])
        }
        let started = batch.started
        guard !started.isEmpty else { return ([], []) }
        let written = try await write(try started.map { try $0.transition(limits: batch.plans[$0.before.job]?.limits ?? [:]) }, on: connection)
        guard written.count == started.count else {
            throw StoreError(
                "claim-overtaken", expected: "locked jobs to stay as they are", found: "another transition", at: "claim", retry: .transient)
        }
        let checkpoints = try await checkpoints(of: batch.claims, on: connection)
        return (started.map(\.after), batch.steps(checkpoints: checkpoints))
    }

    private func candidates(_ request: ClaimRequest, on connection: Connection) async throws -> [ClaimBatch.Candidate] {
        let rows = try await connection.query(
            Self.sql("claim-candidates"),
            [
                .text(request.worker.rawValue), .text(request.host), .texts(ClaimTerms.labels(request.labels)), .bool(request.scope == .owned),
                .int(request.limit * 2 + 16), .bool(request.urgentOnly), .texts(refusals.current(for: request.worker)),
            ])
        return try rows.compactMap { row in
            guard try row.get("locked", as: Bool.self) else { return nil }
            return ClaimBatch.Candidate(job: JobID(rawValue: try row.get("job")), step: StepID(try row.get("step")))
        }
    }

    /// Asks the worker; what it can't serve is not shown to it again for a while.
    private func accept(_ candidate: ClaimBatch.Candidate, _ request: ClaimRequest, _ batch: inout ClaimBatch) {
        guard let record = batch.record(candidate.job), let step = record.run.planned(candidate.step), let plan = batch.plans[candidate.job] else { return }
        guard let claimant = request.accepts(step, plan, record.origin) else { return refusals.add(candidate.job, candidate.step, by: request.worker) }
        batch.add(candidate, claimant)
    }

    private func now(on connection: Connection) async throws -> Instant {
        let rows = try await connection.query(Self.sql("database-time"))
        guard let now = try rows.first?.instant("now") else { return try await self.now() }
        clock.note(now)
        return now
    }

    private func holds(_ query: String, _ parameters: [SQLValue], on connection: Connection) async throws -> Set<HoldRow> {
        var found: Set<HoldRow> = []
        for row in try await connection.query(Self.sql(query), parameters) {
            found.insert(HoldRow(job: JobID(rawValue: try row.get("job")), owner: try row.get("owner"), resource: try row.get("resource")))
        }
        return found
    }

    private func checkpoints(of claims: [ClaimBatch.Candidate], on connection: Connection) async throws -> [ClaimBatch.Candidate: JSONValue] {
        let rows = try await connection.query(
            Self.sql("load-checkpoints"), [.texts(claims.map(\.job.rawValue)), .texts(claims.map(\.step.rawValue))])
        var found: [ClaimBatch.Candidate: JSONValue] = [:]
        for row in rows { found[.init(job: JobID(rawValue: try row.get("job")), step: StepID(try row.get("step")))] = try row.get("state") }
        return found
    }
}

/// What of a row of `holds` a claim looks at.
struct HoldRow: Sendable, Hashable {
    var job: JobID
    var owner: String
    var resource: String
}
