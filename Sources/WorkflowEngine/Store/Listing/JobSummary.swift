public import Basics
public import FlowModel
import PostgreSQL
public import StepKit

/// A job in a list.
public struct JobSummary: Sendable, Hashable, Codable {
    public var id: JobID
    public var tenant: String
    public var plan: PlanID
    public var pipeline: String
    public var origin: JobOrigin
    public var owner: WorkerID?
    /// Nil until every step that is no compensation has ended.
    public var outcome: JobOutcome?
    public var cleanup: CleanupState
    public var stopping: StopReason?
    public var createdAt: Instant
    /// Nil until nothing is held any more.
    public var endedAt: Instant?
    public var isInHistory: Bool
    /// Without compensations.
    public var steps: Int
    public var stepsEnded: Int
    public var stepsRunning: Int
    public var stepsWaiting: Int
    /// Why nothing is done for it, and since when: see `EngineStore.takeUp`. Nil for a job that goes on.
    public var setAside: String?
    public var setAsideAt: Instant?

    init(_ row: Row) throws {
        id = JobID(rawValue: try row.get("id"))
        tenant = try row.get("tenant")
        plan = PlanID(rawValue: try row.get("plan"))
        pipeline = try row.get("pipeline")
        origin = JobOrigin(rawValue: try row.get("origin")) ?? .submitted
        owner = try row.find("owner", as: String.self).map { WorkerID(rawValue: $0) }
        outcome = try row.find("outcome", as: String.self).flatMap { JobOutcome(rawValue: $0) }
        cleanup = try row.find("cleanup", as: String.self).flatMap { CleanupState(rawValue: $0) } ?? .pending
        stopping = try row.find("stopping", as: String.self).flatMap { StopReason(rawValue: $0) }
        createdAt = try row.instant("created_at")
        endedAt = try row.findInstant("ended_at")
        isInHistory = try row.get("in_history")
        steps = try row.get("steps")
        stepsEnded = try row.get("steps_ended")
        stepsRunning = try row.get("steps_running")
        stepsWaiting = try row.get("steps_waiting")
        setAside = try row.find("set_aside")
        setAsideAt = try row.findInstant("set_aside_at")
    }

    /// From its making to its end; nil until then, or where its row has no real times.
    public var took: TimeSpan? { endedAt.flatMap { $0.isReal && createdAt.isReal ? $0 - createdAt : nil } }
}

/// Everything about a job.
public struct JobDetails: Sendable {
    public var summary: JobSummary
    public var plan: Plan
    public var parameters: [String: JSONValue]
    /// Steps with their states, outputs, errors, and what is armed.
    public var run: JobRun
    /// In the order in which they began.
    public var attempts: [AttemptRecord]
    /// Of running steps.
    public var progress: [StepID: SavedProgress]
    /// Rows of it that can't be read and are left out.
    public var unreadable: [String]
}

/// Where a running attempt said that it is, and when.
public struct SavedProgress: Sendable, Hashable {
    public var state: StepProgress
    public var at: Instant
}

/// Two that are equal: nothing of the job has changed between them but its journal, its logs and its progress.
public struct JobVersion: Sendable, Hashable {
    var number: Int64
    var isSetAside: Bool
    var isInHistory: Bool
}

/// One try of a step.
public struct AttemptRecord: Sendable, Hashable, Codable {
    public var step: StepID
    public var number: Int
    public var token: Int64
    public var worker: WorkerID
    public var startedAt: Instant
    public var endedAt: Instant?
    public var outcome: AttemptOutcome
    public var error: Explanation?
}

extension AttemptRecord {
    /// A row of `list-attempts.sql`. An error that can't be read is one that says so.
    init(_ row: Row) throws {
        let json = try row.get("attempt", as: JSONValue.self)
        do {
            self = try json.decoded()
        } catch {
            guard case .object(var fields) = json, let found = fields.removeValue(forKey: "error") else { throw error }
            self = try JSONValue.object(fields).decoded()
            self.error = Explanation(
                .unreadable, expected: "an error as this program writes it", found: String(found.canonicalText.prefix(200)),
                at: "attempt \(number) of step \(step)", retry: .permanent)
        }
    }
}
