import Crypto
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
    func load(_ jobs: [JobID], on connection: Connection? = nil) async throws -> [RunRecord] {
        let loaded = try await loadEach(jobs, on: connection)
        guard let rotten = loaded.rotten.first else { return loaded.records }
        if connection == nil { try await setAside(loaded.rotten) }
        throw StoreError.rotten(rotten.job, rotten.reason)
    }

    /// Those that can be read, and those that can't.
    func loadEach(_ jobs: [JobID], on connection: Connection? = nil) async throws -> LoadedRuns {
        let rows: Rows
        do {
            rows = try await query("load-runs", [.texts(jobs.map(\.rawValue))], on: connection)
        } catch let error as PostgreSQLError where error.isOfData && connection == nil {
            // One of them is more than the server can put together.
            guard jobs.count > 1 else { return LoadedRuns(rotten: jobs.map { RottenJob($0, error) }) }
            var all = LoadedRuns()
            for job in jobs {
                let one = try await loadEach([job])
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
                loaded.records.append(try await record(row, on: connection))
            } catch let error where !Self.isOfConnection(error) {
                loaded.rotten.append(RottenJob(job, error))
            }
        }
        return loaded
    }

    private func record(_ row: Row, on connection: Connection?) async throws -> RunRecord {
        let record = try RunRecord(row)
        let plan = try await plan(record.plan, tenant: record.tenant, on: connection)
        if let problem = PlannedSteps(plan: plan).problem(record.run.definition) { throw StoreError.rotten(record.job, problem) }
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
            throw StoreError("no-such-plan", expected: "a plan in the database", found: "none", at: "plan \(id)")
        }
        let document = try row.get("document", as: JSONValue.self)
        let hash = SHA256.hex(document.canonicalBytes)
        guard hash == id.rawValue else {
            throw StoreError(
                "changed-plan", expected: "the document that the plan's id is the SHA-256 of", found: "one of SHA-256 \(hash)",
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
