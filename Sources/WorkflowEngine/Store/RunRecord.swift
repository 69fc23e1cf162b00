import Basics
import FlowModel
import PostgreSQL

/// A job as loaded: the machine's value and what belongs to the job but never changes.
struct RunRecord: Sendable {
    var job: JobID
    var tenant: String
    var plan: PlanID
    var origin: JobOrigin
    var parameters: [String: JSONValue]
    /// Who made a local job, as recorded, and the seal: see `SealingKey`.
    var maker: String?
    var seal: String?
    var run: JobRun

    init(
        job: JobID, tenant: String, plan: PlanID, origin: JobOrigin, parameters: [String: JSONValue], maker: String? = nil,
        seal: String? = nil, run: JobRun
    ) {
        self.job = job
        self.tenant = tenant
        self.plan = plan
        self.origin = origin
        self.parameters = parameters
        self.maker = maker
        self.seal = seal
        self.run = run
    }

    /// A row of `load-history.sql`.
    init(history row: Row, _ job: JobID) throws {
        self.init(
            job: job, tenant: try row.get("tenant"), plan: PlanID(rawValue: try row.get("plan")),
            origin: JobOrigin(rawValue: try row.get("origin")) ?? .submitted,
            parameters: try row.get("parameters", as: JSONValue.self).objectValue ?? [:],
            maker: try row.find("maker"), seal: try row.find("seal"),
            run: try row.get("run", as: JSONValue.self).decoded(as: JobRun.self))
        if let problem = run.unsoundness { throw Explanation.rotten(job, problem) }
    }

    /// A row of `load-runs.sql`: its JSON columns are the machine's values under their own names. Throws whatever says best why it is none.
    init(_ row: Row) throws {
        func decoded<Value: Decodable>(_ column: String, as type: Value.Type = Value.self) throws -> Value {
            try row.get(column, as: JSONValue.self).decoded(as: type)
        }
        job = JobID(rawValue: try row.get("id"))
        tenant = try row.get("tenant")
        plan = PlanID(rawValue: try row.get("plan"))
        guard let origin = JobOrigin(rawValue: try row.get("origin")) else {
            throw Explanation(.unknownOrigin, expected: "a job of this version", found: try row.get("origin"), at: "job \(job)")
        }
        self.origin = origin
        parameters = try decoded("parameters")
        maker = try row.find("maker")
        seal = try row.find("seal")
        let definition = RunDefinition(steps: try decoded("planned_steps"), windows: try decoded("planned_windows"))
        let (steps, windows): ([StepRun], [WindowRun]) = (try decoded("steps"), try decoded("windows"))
        guard Set(definition.steps.map(\.id)) == Set(steps.map(\.id)), definition.steps.count == steps.count,
            Set(definition.windows.map(\.id)) == Set(windows.map(\.id)), definition.windows.count == windows.count
        else { throw Explanation.rotten(job, "what is planned names other steps or windows than there are rows") }
        run = JobRun(definition: definition, job: try decoded("progress"), steps: steps, windows: windows)
        if let problem = run.unsoundness { throw Explanation.rotten(job, problem) }
    }

    /// The same job in a later version: `row` has of it what has changed since `known`. Nil where what it is about can't be found in `known`.
    init?(_ row: Row, since known: RunRecord) throws {
        func decoded<Value: Decodable>(_ column: String, as type: Value.Type = Value.self) throws -> Value {
            try row.get(column, as: JSONValue.self).decoded(as: type)
        }
        self = known
        let planned: [PlannedWindow] = try decoded("planned_windows")
        let steps: [StepRun] = try decoded("steps")
        guard planned.allSatisfy({ run.definition.windows.contains($0) }),
            try run.take(job: decoded("progress"), steps: steps, windows: decoded("windows"), isByHand: row.get("by_hand"))
        else { return nil }
        if let problem = run.unsoundness(after: steps) { throw Explanation.rotten(job, problem) }
    }
}

extension Row {
    /// A column of microseconds.
    func instant(_ column: String) throws -> Instant { Instant(microseconds: try get(column)) }

    func findInstant(_ column: String) throws -> Instant? { try find(column, as: Int64.self).map { Instant(microseconds: $0) } }
}
