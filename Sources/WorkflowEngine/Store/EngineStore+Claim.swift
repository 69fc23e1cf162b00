import FlowModel
import Basics
import PostgreSQL
import Synchronization

extension EngineStore {
    func isHeld(tenant: String, resources: Set<String>) async throws -> Bool {
        let rows = try await pool.repeatable(Self.sql("resource-held"), [.text(tenant), .texts(resources.sorted())])
        return try rows.first?.get("held") ?? false
    }

    /// Starts ready steps for the worker in one transaction: their jobs are locked, what they hold is taken, the machine starts them.
    func claim(_ request: ClaimRequest) async throws -> [ClaimedStep] {
        guard request.limit > 0 else { return [] }
        if ledger.isInDoubt(request.worker) { try await giveBackUnanswered(request.worker) }
        for look in 1... {
            let (steps, wasBusy) = try await claimOnce(request)
            // A job that is in the middle of a transition is free in a moment; a worker that went to sleep for it would leave its slots empty.
            guard steps.isEmpty, wasBusy, look < Self.mostLooks else { return steps }
            try await Task.sleep(for: .milliseconds(Int.random(in: 1...(4 * look))))
        }
        return []
    }

    private static let mostLooks = 5
    /// How long a claim waits for this process's own transitions of a job.
    private static let turnPatience = Duration.milliseconds(50)

    /// `wasBusy`: something was ready in jobs that others were changing.
    private func claimOnce(_ request: ClaimRequest) async throws -> (steps: [ClaimedStep], wasBusy: Bool) {
        // Transitions of this process would lock the very jobs that it is to go on with. They come in between otherwise.
        let turns = HeldTurns(turns)
        defer { turns.keep([]) }
        await turns.take(self.turns.taken.filter { memory[$0]?.run.hasReadySteps ?? false }, within: Self.turnPatience)
        do {
            return try await claim(request, turns, of: nil)
        } catch let error as PostgreSQLError where error.isOfData {
            return (try await claimOneByOne(request, turns), false)
        }
    }

    /// A statement over several jobs failed for what is in the rows of one, and does not say of which: that one is set aside, the others are claimed.
    private func claimOneByOne(_ request: ClaimRequest, _ turns: HeldTurns) async throws -> [ClaimedStep] {
        try await setAsideRotten()
        var claimed: [ClaimedStep] = []
        for row in try await pool.repeatable(Self.sql("ready-jobs"), [.int(1000)]) where claimed.count < request.limit {
            let job = JobID(rawValue: try row.get("job"))
            var part = request
            part.limit -= claimed.count
            do {
                claimed += try await claim(part, turns, of: job).steps
            } catch {
                guard try await setAside(job, because: error) else {
                    // What was started is to be run.
                    if claimed.isEmpty { throw error } else { break }
                }
            }
        }
        return claimed
    }

    /// `job`: of this one only. `wasBusy`: as `claimOnce` says it.
    private func claim(_ request: ClaimRequest, _ turns: HeldTurns, of job: JobID?) async throws -> (steps: [ClaimedStep], wasBusy: Bool) {
        do {
            let claimed = try await pool.transaction { connection in try await self.claim(request, turns, of: job, on: connection) }
            for step in claimed.records { memory.keep(step) }
            ledger.handOut(claimed.steps, to: request.worker)
            await tell(claimed.left, by: request)
            guard claimed.steps.isEmpty, !claimed.rotten.isEmpty else {
                // What was started is to be run, whatever becomes of this: the next claim would find them again.
                try? await setAside(claimed.rotten)
                return (claimed.steps, claimed.wasBusy)
            }
            try await setAside(claimed.rotten)
            // They stood where others' steps would have been found.
            return try await claim(request, turns, of: job)
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
        for row in try await pool.repeatable(Self.sql("running-steps"), [.text(worker.rawValue)]) {
            let entry = ClaimLedger.Entry(
                job: JobID(rawValue: try row.get("job")), step: StepID(try row.get("step")), token: try row.get("token"))
            guard !ledger.isHandedOut(entry, to: worker) else { continue }
            _ = try await apply(.lost(entry.step, token: entry.token), to: entry.job)
        }
        ledger.trust(worker)
    }

    private struct Claimed: Sendable {
        var records: [RunRecord] = []
        var steps: [ClaimedStep] = []
        /// Candidates' jobs that can't be read.
        var rotten: [RottenJob] = []
        /// What the worker leaves to others.
        var left: [LeftStep] = []
        /// Something was ready in jobs that others were changing.
        var wasBusy = false
    }

    /// A step that a worker can't serve, and why.
    private struct LeftStep: Sendable, Codable {
        var job: JobID
        var step: StepID
        var worker: WorkerID
        var reason: String
    }

    /// Once for each step, worker and reason. Nothing hangs on it but what `stalled` finds: a claim does not fail of it.
    private func tell(_ left: [LeftStep], by request: ClaimRequest) async {
        guard !left.isEmpty, let json = try? JSONValue(encoding: left) else { return }
        _ = try? await relaxed.query(Self.sql("tell-left"), [.json(json)])
    }

    private func claim(_ request: ClaimRequest, _ turns: HeldTurns, of job: JobID?, on connection: Connection) async throws -> Claimed {
        let (candidates, wasBusy) = try await candidates(request, turns, of: job, on: connection)
        var loaded = try await runs(of: candidates, on: connection)
        let records = loaded.records
        guard !records.isEmpty else { return Claimed(rotten: loaded.rotten, wasBusy: wasBusy) }
        var batch = ClaimBatch(records, now: try await now())
        for record in records {
            do {
                batch.plans[record.job] = try await plan(record.plan, tenant: record.tenant, on: connection)
                batch.trust[record.job] = key.trust(record)
            } catch let error where !Self.isOfConnection(error) {
                loaded.rotten.append(RottenJob(record.job, error))
            }
        }
        var left: [LeftStep] = []
        for candidate in candidates where batch.count < request.limit {
            if let step = accept(candidate.step, request, &batch) { left.append(step) }
        }
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
        guard !started.isEmpty else { return Claimed(rotten: loaded.rotten, left: left, wasBusy: wasBusy) }
        let written = try await write(
            try started.map { try $0.transition(limits: batch.plans[$0.before.job]?.limits ?? [:]) }, on: connection)
        guard written.count == started.count else {
            throw Explanation(
                .claimOvertaken, expected: "locked jobs to stay as they are", found: "another transition", at: "claim", retry: .transient)
        }
        let checkpoints = try await checkpoints(of: batch.repeated, on: connection)
        return Claimed(
            records: started.map(\.after), steps: batch.steps(checkpoints: checkpoints), rotten: loaded.rotten, left: left, wasBusy: wasBusy)
    }

    private struct LockedCandidate {
        var step: ClaimBatch.Candidate
        var version: Int64
    }

    /// Those whose jobs nobody else is changing, and whether there are others.
    private func candidates(
        _ request: ClaimRequest, _ turns: HeldTurns, of job: JobID?, on connection: Connection
    ) async throws -> (mine: [LockedCandidate], wasBusy: Bool) {
        let rows = try await connection.query(
            Self.sql("claim-candidates"),
            [
                .text(request.worker.rawValue), .text(request.host), .texts(ClaimTerms.labels(request.labels)),
                .bool(request.scope == .owned),
                .int(request.limit * 2 + 16), .bool(request.urgentOnly), .texts(refusals.current(for: request.worker)),
                .texts(made.withLock { $0.map(\.rawValue) }), .text(job?.rawValue),
            ])
        let mine = try rows.compactMap { row -> LockedCandidate? in
            clock.note(try row.instant("now"))
            let job = JobID(rawValue: try row.get("job"))
            guard let version = try row.find("version", as: Int64.self), turns.has(job) else { return nil }
            return LockedCandidate(step: .init(job: job, step: StepID(try row.get("step"))), version: version)
        }
        turns.keep(Set(mine.map(\.step.job)))
        return (mine, mine.count < rows.count)
    }

    /// What is remembered in the version that is locked; of the rest what has changed since from the database.
    private func runs(of candidates: [LockedCandidate], on connection: Connection) async throws -> LoadedRuns {
        var known: [JobID: RunRecord] = [:]
        var unknown: [JobID] = []
        for candidate in candidates where known[candidate.step.job] == nil && !unknown.contains(candidate.step.job) {
            if let record = memory[candidate.step.job], record.run.job.version == candidate.version {
                known[record.job] = record
            } else {
                unknown.append(candidate.step.job)
            }
        }
        guard !unknown.isEmpty else { return LoadedRuns(records: Array(known.values)) }
        var loaded = try await loadEach(unknown, since: unknown.compactMap { memory[$0] }, on: connection)
        // They are locked and not changed yet: this is what there is, whatever becomes of the claim.
        for record in loaded.records { memory.keep(record) }
        loaded.records += known.values
        return loaded
    }

    /// Asks the worker; what it can't serve is not shown to it again for a while, and is returned where it says why.
    private func accept(_ candidate: ClaimBatch.Candidate, _ request: ClaimRequest, _ batch: inout ClaimBatch) -> LeftStep? {
        guard let record = batch.record(candidate.job), let step = record.run.planned(candidate.step), let plan = batch.plans[candidate.job]
        else { return nil }
        let trust = batch.trust[candidate.job] ?? .submitted
        if let claimant = request.accepts(step, plan, trust) {
        batch.add(candidate, claimant)
            return nil
        }
        refusals.add(candidate.job, candidate.step, by: request.worker)
        return request.reason(step, plan, trust).map {
            LeftStep(job: candidate.job, step: candidate.step, worker: request.worker, reason: "\($0)")
        }
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
        for row in rows {
            // One that can't be read is none: a body begins without one, too.
            found[.init(job: JobID(rawValue: try row.get("job")), step: StepID(try row.get("step")))] = try? row.get("state")
        }
        return found
    }
}

/// What of a row of `holds` a claim looks at.
struct HoldRow: Sendable, Hashable {
    var job: JobID
    var owner: String
    var resource: String
}
