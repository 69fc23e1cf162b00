import Crypto
import Basics
import FlowModel
import PostgreSQL
import Synchronization

/// Jobs as the database has them, read one by one: a row that can't be read is its own job's trouble.
extension EngineStore {
    struct LoadedRuns: Sendable {
        var records: [RunRecord] = []
        var rotten: [RottenJob] = []
    }

    /// As the database has them now; jobs that are not there are left out. One that can't be read is set aside, and is the error; within a
    /// transaction, which has it locked, it is for the caller to set it aside.
    func load(_ jobs: [JobID], since known: [RunRecord] = [], on connection: Connection? = nil) async throws -> [RunRecord] {
        let loaded = try await loadEach(jobs, since: known, on: connection)
        guard let rotten = loaded.rotten.first else { return loaded.records }
        if connection == nil { try await setAside(loaded.rotten) }
        throw Explanation.rotten(rotten.job, rotten.reason)
    }

    /// The job as it is now, and remembered so: of one that is remembered, what has changed since is read.
    func refresh(_ job: JobID, on connection: Connection? = nil) async throws -> RunRecord? {
        guard let record = try await load([job], since: memory[job].map { [$0] } ?? [], on: connection).first else { return nil }
        memory.keep(record)
        return record
    }

    /// Those that can be read, and those that can't. Of jobs that are `known` in some version only what has changed since is read.
    func loadEach(_ jobs: [JobID], since known: [RunRecord] = [], on connection: Connection? = nil) async throws -> LoadedRuns {
        let known = Dictionary(known.map { ($0.job, $0) }, uniquingKeysWith: { first, _ in first })
        let rows: Rows
        do {
            rows = try await query("load-runs", Self.asked(jobs, known), on: connection)
        } catch let error as PostgreSQLError where error.isOfData && connection == nil {
            // One of them is more than the server can put together.
            guard jobs.count > 1 else { return LoadedRuns(rotten: jobs.map { RottenJob($0, error) }) }
            var all = LoadedRuns()
            for job in jobs {
                let one = try await loadEach([job], since: known[job].map { [$0] } ?? [])
                all.records += one.records
                all.rotten += one.rotten
            }
            return all
        }
        var loaded = LoadedRuns()
        for row in rows {
            clock.note(try row.instant("now"))
            counts.loads.add(1, ordering: .relaxed)
            let job = JobID(rawValue: try row.get("id"))
            do {
                if let record = try later(row, than: known[job]) {
                    loaded.records.append(record)
                } else if try row.get("known", as: Int64.self) < 0 {
                    let record = try await record(row, on: connection)
                    counts.stepsRead.add(record.run.runs.count, ordering: .relaxed)
                    loaded.records.append(record)
                } else {
                    let whole = try await loadEach([job], on: connection)
                    loaded.records += whole.records
                    loaded.rotten += whole.rotten
                }
            } catch let error where !Self.isOfConnection(error) {
                loaded.rotten.append(RottenJob(job, error))
            }
        }
        return loaded
    }

    /// The parameters of `load-runs.sql`.
    static func asked(_ jobs: [JobID], _ known: [JobID: RunRecord] = [:]) -> [SQLValue] {
        let versions: [Int64] = jobs.map { known[$0]?.run.job.version ?? -1 }
        let sizes: [Int] = jobs.map { known[$0]?.run.runs.count ?? 0 }
        return [.texts(jobs.map(\.rawValue)), .texts(versions.map { String($0) }), .texts(sizes.map { String($0) })]
    }

    /// Nil when the row has the job whole, or is of something that is not known.
    private func later(_ row: Row, than known: RunRecord?) throws -> RunRecord? {
        guard let known, try row.get("known", as: Int64.self) >= 0 else { return nil }
        guard let record = try RunRecord(row, since: known) else { return nil }
        counts.stepsRead.add(record.run.runs.changed.count, ordering: .relaxed)
        return record
    }

    private func record(_ row: Row, on connection: Connection?) async throws -> RunRecord {
        let record = try RunRecord(row)
        let plan = try await plan(record.plan, tenant: record.tenant, on: connection)
        if let problem = PlannedSteps(plan: plan).problem(record.run.definition) { throw Explanation.rotten(record.job, problem) }
        return record
    }

    /// Nothing is known of the job then.
    static func isOfConnection(_ error: any Error) -> Bool {
        if let error = error as? PostgreSQLError { return error.retry == .transient || (error.sqlState != nil && !error.isOfData) }
        return error is CancellationError
    }

    /// A plan never changes, so it is read once. It must be the one that its id names.
    func plan(_ id: PlanID, tenant: String, on connection: Connection? = nil) async throws -> Plan {
        let key = tenant + "/" + id.rawValue
        if let known = plans.withLock({ $0[key] }) { return known }
        guard let row = try await query("load-plans", [.text(tenant), .text(id.rawValue)], on: connection).first else {
            throw Explanation(.noSuchPlan, expected: "a plan in the database", found: "none", at: "plan \(id)")
        }
        let document = try row.get("document", as: JSONValue.self)
        let hash = SHA256.hex(document.canonicalBytes)
        guard hash == id.rawValue else {
            throw Explanation(
                .changedPlan, expected: "the document that the plan's id is the SHA-256 of", found: "one of SHA-256 \(hash)",
                at: "plan \(id)", advice: "put the document back as it was, or run the pipeline anew")
        }
        let plan = try document.decoded(as: Plan.self)
        plans.withLock { plans in
            if plans.count > 256 { plans.removeAll() }
            plans[key] = plan
        }
        return plan
    }

    func query(_ name: String, _ parameters: [SQLValue], on connection: Connection?) async throws -> Rows {
        if let connection { return try await connection.query(Self.sql(name), parameters) }
        return try await pool.repeatable(Self.sql(name), parameters)
    }
}
