public import Basics
import Crypto
public import FlowModel
import PostgreSQL
import Synchronization

/// A job to be made.
public struct JobSubmission: Sendable {
    public var tenant: String
    public var plan: Plan
    /// The plan's steps with fan-out over parameters expanded, and its windows.
    public var definition: RunDefinition
    /// Defaults filled in.
    public var parameters: [String: JSONValue]
    public var origin: JobOrigin
    /// The worker whose own process runs it; others take it up when that one is dead. Nil: anybody's.
    public var owner: WorkerID?
    /// From now.
    public var deadline: TimeSpan?

    public init(
        tenant: String = "default", plan: Plan, definition: RunDefinition? = nil, parameters: [String: JSONValue] = [:],
        origin: JobOrigin = .local, owner: WorkerID? = nil, deadline: TimeSpan? = nil
    ) {
        self.tenant = tenant
        self.plan = plan
        self.definition = definition ?? RunDefinition(steps: plan.steps, windows: plan.windows)
        self.parameters = parameters
        self.origin = origin
        self.owner = owner
        self.deadline = deadline
    }
}

extension EngineStore {
    /// Persists the plan and the job; its first steps are ready when this returns.
    public func submit(_ submission: JobSubmission) async throws -> JobID {
        let now = try await now()
        let document = try JSONValue(encoding: submission.plan)
        let plan = submission.plan.id
        let deadline = submission.deadline.map { now + $0 }
        let job = JobID.make(milliseconds: UInt64(now.microseconds / 1000))
        // As they are read back.
        let parameters = JSONValue.object(submission.parameters).withoutNUL
        var record = RunRecord(
            job: job, tenant: submission.tenant, plan: plan, origin: submission.origin, parameters: parameters.objectValue ?? [:],
            run: JobRun(submission.definition, createdAt: now, deadline: deadline))
        if submission.origin == .local {
            record.maker = key.maker
            record.seal = key.code(of: record, maker: key.maker)
        }
        let sealed = record
        var decision = Decision(on: sealed, now: now)
        decision.add(.begin)
        let transition = try decision.transition(limits: submission.plan.limits)
        try await once(job) { connection in
            try await connection.query(
                Self.sql("submit-job"),
                [
                    .text(submission.tenant), .text(plan.rawValue), .text(submission.plan.pipeline), .json(document), .text(job.rawValue),
                    .text(submission.origin.rawValue), .text(submission.owner?.rawValue),
                    .json(parameters),
                    .int(now.microseconds), .int(deadline?.microseconds), .text(sealed.maker), .text(sealed.seal),
                ])
            let written = try await self.write([transition], on: connection)
            guard written == [job] else {
                throw Explanation(.submitFailed, expected: "a new job", found: "no row", at: "job \(job)", retry: .transient)
            }
        }
        if submission.owner != nil { made.withLock { _ = $0.insert(job) } }
        memory.keep(decision.after)
        return job
    }

    /// Makes the job in one transaction. Where the connection breaks before the answer it looks whether the job is there: its submitter would make a
    /// second one, and have everything copied twice.
    private func once(_ job: JobID, _ body: @Sendable (Connection) async throws -> Void) async throws {
        for breaks in 1... {
            do {
                return try await pool.transaction(body)
            } catch let error as PostgreSQLError where error.isConnectionLost && !error.isSilence {
                // The server's process may be about to commit: its row, not visible yet, holds up the next attempt, which is refused then.
                guard breaks < 4 else { throw error }
                try await Task.sleep(for: .milliseconds(20 * breaks))
            } catch let error as PostgreSQLError where error.isUniqueViolation && breaks > 1 {
                // It was written; no two jobs have one id.
                return
            }
        }
    }
}

extension EngineStore: RunStore {}
