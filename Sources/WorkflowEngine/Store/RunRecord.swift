import FlowModel
import PostgreSQL

/// A job as loaded: the machine's value and what belongs to the job but never changes.
struct RunRecord: Sendable {
    var job: JobID
    var tenant: String
    var plan: PlanID
    var origin: JobOrigin
    var parameters: [String: JSONValue]
    var run: JobRun

    init(job: JobID, tenant: String, plan: PlanID, origin: JobOrigin, parameters: [String: JSONValue], run: JobRun) {
        self.job = job
        self.tenant = tenant
        self.plan = plan
        self.origin = origin
        self.parameters = parameters
        self.run = run
    }

    /// A row of `load-runs.sql`: its JSON columns are the machine's values under their own names.
    init(_ row: Row) throws {
        func decoded<Value: Decodable>(_ column: String, as type: Value.Type = Value.self) throws -> Value {
            try row.get(column, as: JSONValue.self).decoded(as: type)
        }
        job = JobID(rawValue: try row.get("id"))
        tenant = try row.get("tenant")
        plan = PlanID(rawValue: try row.get("plan"))
        guard let origin = JobOrigin(rawValue: try row.get("origin")) else {
            throw StoreError("unknown-origin", expected: "a job of this version", found: try row.get("origin"), at: "job \(job)")
        }
        self.origin = origin
        parameters = try decoded("parameters")
        run = JobRun(
            definition: RunDefinition(steps: try decoded("planned_steps"), windows: try decoded("planned_windows")),
            job: try decoded("progress"), steps: try decoded("steps"), windows: try decoded("windows"))
    }
}

extension Row {
    /// A column of microseconds.
    func instant(_ column: String) throws -> Instant { Instant(microseconds: try get(column)) }

    func findInstant(_ column: String) throws -> Instant? { try find(column, as: Int64.self).map { Instant(microseconds: $0) } }
}
