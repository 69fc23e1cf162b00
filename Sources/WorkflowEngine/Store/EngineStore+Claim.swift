import FlowModel
import PostgreSQL

extension EngineStore {
    public func isHeld(tenant: String, resources: Set<String>) async throws -> Bool {
        let rows = try await pool.query(Self.sql("resource-held"), [.text(tenant), .texts(resources.sorted())])
        return try rows.first?.get("held") ?? false
    }

    /// Starts ready steps for the worker in one transaction: their jobs are locked, what they hold is taken, the machine starts them.
    public func claim(_ request: ClaimRequest) async throws -> [ClaimedStep] {
        guard request.limit > 0 else { return [] }
        if ledger.isInDoubt(request.worker) { try await giveBackUnanswered(request.worker) }
        do {
            let claimed = try await pool.transaction { connection in try await self.claim(request, on: connection) }
            for step in claimed.records { memory.keep(step) }
            ledger.handOut(claimed.steps, to: request.worker)
            return claimed.steps
        } catch let error as PostgreSQLError where error.isConnectionLost {
            ledger.doubt(request.worker)
            throw error
        } catch is CancellationError {
            ledger.doubt(request.worker)
            throw CancellationError()
        }
    }

    /// Steps that were started for the worker by a claim whose answer never came: nobody runs them.
    private func giveBackUnanswered(_ worker: WorkerID) async throws {
        for row in try await pool.query(Self.sql("running-steps"), [.text(worker.rawValue)]) {
            let entry = ClaimLedger.Entry(
                job: JobID(rawValue: try row.get("job")), step: StepID(try row.get("step")), token: try row.get("token"))
            guard !ledger.isHandedOut(entry, to: worker) else { continue }
            _ = try await apply(.lost(entry.step, token: entry.token), to: entry.job)
        }
        ledger.trust(worker)
    }

    private func claim(_ request: ClaimRequest, on connection: Connection) async throws -> (records: [RunRecord], steps: [ClaimedStep]) {
        let candidates = try await candidates(request, on: connection)
        let records = try await records(of: candidates, on: connection)
        guard !records.isEmpty else { return ([], []) }
        var batch = ClaimBatch(records, now: try await now())
        for record in records { batch.plans[record.job] = try await plan(record.plan, tenant: record.tenant, on: connection) }
        for candidate in candidates where batch.count < request.limit { accept(candidate.step, request, &batch) }
        var wants = batch.wants(covered: [])
        var taken: Set<HoldRow> = []
        if !wants.isEmpty {
            wants = batch.wants(covered: try await holds("covered-holds", [.texts(records.map(\.job.rawValue))], on: connection))
            taken = try await holds("take-holds", [.json(try JSONValue(encoding: wants))], on: connection)
        }
        let unserved = batch.start(wants: wants, taken: taken)
        if !unserved.isEmpty {
            try await connection.query(
                Self.sql("give-back-holds"), [.texts(unserved.map(\.job.rawValue)), .texts(unserved.map(\.owner))])
        }
        let started = batch.started
        guard !started.isEmpty else { return ([], []) }
        let written = try await write(
            try started.map { try $0.transition(limits: batch.plans[$0.before.job]?.limits ?? [:]) }, on: connection)
        guard written.count == started.count else {
            throw StoreError(
                "claim-overtaken", expected: "locked jobs to stay as they are", found: "another transition", at: "claim", retry: .transient)
        }
        let checkpoints = try await checkpoints(of: batch.repeated, on: connection)
        return (started.map(\.after), batch.steps(checkpoints: checkpoints))
    }

    private struct LockedCandidate {
        var step: ClaimBatch.Candidate
        var version: Int64
    }

    private func candidates(_ request: ClaimRequest, on connection: Connection) async throws -> [LockedCandidate] {
        let rows = try await connection.query(
            Self.sql("claim-candidates"),
            [
                .text(request.worker.rawValue), .text(request.host), .texts(ClaimTerms.labels(request.labels)),
                .bool(request.scope == .owned),
                .int(request.limit * 2 + 16), .bool(request.urgentOnly), .texts(refusals.current(for: request.worker)),
            ])
        return try rows.compactMap { row in
            clock.note(try row.instant("now"))
            guard let version = try row.find("version", as: Int64.self) else { return nil }
            return LockedCandidate(
                step: .init(job: JobID(rawValue: try row.get("job")), step: StepID(try row.get("step"))), version: version)
        }
    }

    /// What is remembered in the version that is locked, the rest from the database.
    private func records(of candidates: [LockedCandidate], on connection: Connection) async throws -> [RunRecord] {
        var known: [JobID: RunRecord] = [:]
        var unknown: [JobID] = []
        for candidate in candidates where known[candidate.step.job] == nil && !unknown.contains(candidate.step.job) {
            if let record = memory[candidate.step.job], record.run.job.version == candidate.version {
                known[record.job] = record
            } else {
                unknown.append(candidate.step.job)
            }
        }
        return Array(known.values) + (unknown.isEmpty ? [] : try await load(unknown, on: connection))
    }

    /// Asks the worker; what it can't serve is not shown to it again for a while.
    private func accept(_ candidate: ClaimBatch.Candidate, _ request: ClaimRequest, _ batch: inout ClaimBatch) {
        guard let record = batch.record(candidate.job), let step = record.run.planned(candidate.step), let plan = batch.plans[candidate.job]
        else { return }
        guard let claimant = request.accepts(step, plan, record.origin) else {
            return refusals.add(candidate.job, candidate.step, by: request.worker)
        }
        batch.add(candidate, claimant)
    }

    private func holds(_ query: String, _ parameters: [SQLValue], on connection: Connection) async throws -> Set<HoldRow> {
        var found: Set<HoldRow> = []
        for row in try await connection.query(Self.sql(query), parameters) {
            found.insert(HoldRow(job: JobID(rawValue: try row.get("job")), owner: try row.get("owner"), resource: try row.get("resource")))
        }
        return found
    }

    private func checkpoints(of claims: [ClaimBatch.Candidate], on connection: Connection) async throws -> [ClaimBatch.Candidate: JSONValue]
    {
        guard !claims.isEmpty else { return [:] }
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
