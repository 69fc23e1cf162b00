public import Basics
import PostgreSQL

/// A job that nothing is done for until a person takes it up again.
public struct SetAsideJob: Sendable, Hashable, Codable {
    public var job: JobID
    public var pipeline: String
    public var reason: String
    public var at: Instant
}

/// Jobs whose rows can't be read wait apart: no claim, no clock and no rescue meets them again, so they hold up nobody.
extension EngineStore {
    /// Sets the job aside where the error is one of its rows, with an alarm in its journal. False: the error is of another kind.
    public func setAside(_ job: JobID, because error: any Error) async throws -> Bool {
        // Whoever could not load it has done so already.
        if (error as? Explanation)?.isRotten == true { return true }
        guard (error as? PostgreSQLError)?.isOfData == true else { return false }
        try await setAside([RottenJob(job, error)])
        return true
    }

    func setAside(_ rotten: [RottenJob]) async throws {
        for rotten in rotten {
            try await pool.repeatable(Self.sql("set-aside"), [.text(rotten.job.rawValue), .text(rotten.reason)])
            memory.forget(rotten.job)
        }
    }

    /// Every job with a row that breaks a rule of the schema.
    func setAsideRotten() async throws { try await pool.repeatable(Self.sql("set-aside-rotten")) }

    public func setAsideJobs(tenant: String = "default", job: JobID? = nil) async throws -> [SetAsideJob] {
        try await pool.repeatable(Self.sql("list-set-aside"), [.text(tenant), .text(job?.rawValue)]).map { row in
            SetAsideJob(
                job: JobID(rawValue: try row.get("job")), pipeline: try row.get("pipeline"), reason: try row.get("reason"),
                at: try row.instant("at"))
        }
    }

    /// Rows that break a rule of the schema: those that were there before the rule was.
    public func brokenRules(job: JobID? = nil) async throws -> [(job: JobID?, reason: String)] {
        try await pool.repeatable(Self.sql("list-rotten"), [.text(job?.rawValue)]).map { row in
            (try row.find("job", as: String.self).map { JobID(rawValue: $0) }, try row.get("reason"))
        }
    }

    /// Takes a job up again that was set aside and has been mended. Throws what is still wrong with it. False: it was not set aside.
    public func takeUp(_ job: JobID, by person: String) async throws -> Bool {
        memory.forget(job)
        _ = try await load([job])
        if let broken = try await brokenRules(job: job).first { throw Explanation.rotten(job, broken.reason) }
        return try await !pool.query(Self.sql("take-up"), [.text(job.rawValue), .text(person)]).isEmpty
    }
}
