public import Basics
public import FlowModel
import PostgreSQL
import StepKit

extension EngineStore {
    /// The newest first, history included. `before` is the last id of the page before.
    public func jobs(
        tenant: String = "default", _ filter: JobFilter = JobFilter(), before: JobID? = nil, limit: Int = 100
    ) async throws -> [JobSummary] {
        try await pool.repeatable(
            Self.sql("list-jobs"),
            [
                .text(tenant), .text(filter.pipeline), .bool(filter.activeOnly), .text(before?.rawValue), .int(limit),
                filter.states.map { .texts($0.map(\.rawValue).sorted()) } ?? .null, .text(filter.system),
                .int(filter.since?.microseconds), .int(filter.until?.microseconds),
            ]
        ).map { try JobSummary($0) }
    }

    /// The job of that id, or of an id that begins or ends so.
    public func findJob(_ text: String, tenant: String = "default") async throws -> JobID {
        guard !text.isEmpty, text.allSatisfy({ $0.isHexDigit || $0 == "-" }) else {
            throw Explanation(
                .badJobID, expected: "a job's id, or its beginning or end", found: text, at: "jobs",
                advice: "see `snappy-flow jobs list`")
        }
        let rows = try await pool.repeatable(Self.sql("find-jobs"), [.text(text.lowercased()), .text(tenant)])
        guard rows.count == 1, let row = rows.first else {
            throw Explanation(
                .noSuchJob, expected: "one job with that id", found: rows.isEmpty ? "none" : "several", at: "job \(text)",
                advice: rows.isEmpty ? "see `snappy-flow jobs list`" : "give more of the id")
        }
        return JobID(rawValue: try row.get("id"))
    }

    /// What can be said of a job whose other rows can't be read. Nil when there is no such job.
    public func summary(_ id: JobID) async throws -> JobSummary? {
        try await pool.repeatable(Self.sql("job-summary"), [.text(id.rawValue)]).first.map { try JobSummary($0) }
    }

    /// Nil when there is no such job.
    public func job(_ id: JobID) async throws -> JobDetails? {
        guard let row = try await pool.repeatable(Self.sql("job-summary"), [.text(id.rawValue)]).first else { return nil }
        let summary = try JobSummary(row)
        guard let run = try await loadRun(id) else { return nil }
        var attempts: [AttemptRecord] = []
        var unreadable: [String] = []
        for row in try await pool.repeatable(Self.sql("list-attempts"), [.text(id.rawValue)]) {
            do {
                attempts.append(try AttemptRecord(row))
            } catch {
                unreadable.append("an attempt: \(RottenJob(id, error).reason)")
            }
        }
        return JobDetails(
            summary: summary, plan: try await plan(summary.plan, tenant: summary.tenant),
            parameters: try row.get("parameters", as: JSONValue.self).objectValue ?? [:], run: run,
            attempts: attempts.sorted { $0.token < $1.token }, progress: try await progress(of: id), unreadable: unreadable)
    }

    /// Of the attempts that run, as far as they said; what can't be read is left out.
    public func progress(of job: JobID) async throws -> [StepID: SavedProgress] {
        var progress: [StepID: SavedProgress] = [:]
        for row in try await pool.repeatable(Self.sql("list-progress"), [.text(job.rawValue)]) {
            guard let state = try? row.get("state", as: JSONValue.self).decoded(as: StepProgress.self) else { continue }
            progress[StepID(try row.get("step"))] = SavedProgress(state: state, at: try row.instant("saved_at"))
        }
        return progress
    }

    /// Nil when there is no such job.
    public func version(of job: JobID) async throws -> JobVersion? {
        try await pool.repeatable(Self.sql("job-version"), [.text(job.rawValue)]).first.map { row in
            JobVersion(number: try row.get("version"), isSetAside: try row.get("is_set_aside"), isInHistory: try row.get("in_history"))
        }
    }

    public func plan(_ id: PlanID, tenant: String = "default") async throws -> Plan { try await plan(id, tenant: tenant, on: nil) }

    /// The journal after that id (0: from the beginning), of one job or of all.
    public func events(tenant: String = "default", job: JobID? = nil, after: Int64 = 0, limit: Int = 1000) async throws -> [EventRecord] {
        try await pool.repeatable(Self.sql("list-events"), [.text(tenant), .text(job?.rawValue), .int(after), .int(limit)]).map { row in
            EventRecord(
                id: try row.get("id"), job: JobID(rawValue: try row.get("job")),
                step: try row.find("step", as: String.self).map { StepID($0) },
                kind: try row.get("kind"), details: (try? row.get("details")) ?? .null, isAlarm: try row.get("is_alarm"),
                at: try row.instant("at"))
        }
    }

    public func logs(job: JobID, step: StepID? = nil, after: Int64 = 0, limit: Int = 1000) async throws -> [LogRecord] {
        try await pool.repeatable(Self.sql("list-logs"), [.text(job.rawValue), .text(step?.rawValue), .int(after), .int(limit)]).map {
            row in
            LogRecord(
                id: try row.get("id"), step: StepID(try row.get("step")), attempt: try row.get("attempt"),
                level: .init(rawValue: try row.get("level")) ?? .info, message: try row.get("message"), at: try row.instant("at"))
        }
    }

    /// Everything that jobs froze or made and have not undone yet, the oldest first. Of rows that can't be read what can be is there: what is owed is
    /// shown in any case.
    public func armed(tenant: String = "default") async throws -> [ArmedRecord] {
        try await pool.repeatable(Self.sql("list-armed"), [.text(tenant)]).map { row in
            let id = StepID(try row.get("step"))
            return ArmedRecord(
                job: JobID(rawValue: try row.get("job")), pipeline: try row.get("pipeline"),
                step: (try? row.get("planned", as: JSONValue.self).decoded()) ?? PlannedStep(id: id, verb: "unknown"),
                generation: try row.get("generation"), armedAt: try row.instant("armed_at"), host: try row.find("host"),
                state: (try? row.get("state", as: JSONValue.self))?.objectValue ?? [:], failures: try row.get("failures"),
                error: (try? row.find("error", as: JSONValue.self)).flatMap { try? $0.decoded() })
        }
    }

    public func bases(tenant: String = "default") async throws -> [BaseRecord] {
        try await pool.repeatable(Self.sql("list-bases"), [.text(tenant)]).compactMap { row in
            guard let base = try? row.get("base", as: JSONValue.self).decoded(as: Base.self) else { return nil }
            return BaseRecord(base: base, job: JobID(rawValue: try row.get("job")), recordedAt: try row.instant("recorded_at"))
        }
    }

    public func workers() async throws -> [WorkerRecord] {
        try await pool.repeatable(Self.sql("list-workers")).map { row in
            WorkerRecord(
                id: WorkerID(rawValue: try row.get("id")), host: try row.get("host"), process: Int32(try row.get("process", as: Int.self)),
                labels: (try? row.get("labels", as: JSONValue.self).decoded()) ?? [:],
                isAlive: try row.get("state", as: String.self) == "alive" && row.get("is_leased"), startedAt: try row.instant("started_at"),
                stepsRunning: try row.get("steps_running"))
        }
    }
}
