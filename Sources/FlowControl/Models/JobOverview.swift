public import Basics
public import FlowModel
public import WorkflowEngine

/// A job in a list.
public struct JobOverview: Sendable, Hashable, Codable {
    public var id: JobID
    public var pipeline: String
    public var plan: PlanID
    public var origin: JobOrigin
    public var state: JobState
    /// Nil until every step that is no undo has ended.
    public var outcome: JobOutcome?
    public var cleanup: CleanupState
    /// Why no further step is started.
    public var stopping: StopReason?
    public var createdAt: Timestamp
    /// Nil until nothing is held any more.
    public var endedAt: Timestamp?
    public var stepCounts: StepCounts
    public var setAside: SetAsideDetail?
    public var isInHistory: Bool

    init(_ summary: JobSummary) {
        id = summary.id
        pipeline = summary.pipeline
        plan = summary.plan
        origin = summary.origin
        state = summary.state
        outcome = summary.outcome
        cleanup = summary.cleanup
        stopping = summary.stopping
        createdAt = Timestamp(summary.createdAt)
        endedAt = summary.endedAt.map { Timestamp($0) }
        stepCounts = StepCounts(
            total: summary.steps, ended: summary.stepsEnded, running: summary.stepsRunning, waiting: summary.stepsWaiting)
        setAside = summary.setAside.map { SetAsideDetail(reason: $0, at: summary.setAsideAt.map { Timestamp($0) }) }
        isInHistory = summary.isInHistory
    }

    /// From its making to its end.
    public var took: TimeSpan? { endedAt.map { $0 - createdAt } }
}

/// How many steps a job has, undos not counted, and how many of them are where.
public struct StepCounts: Sendable, Hashable, Codable {
    public var total: Int
    public var ended: Int
    /// Undos included.
    public var running: Int
    public var waiting: Int
}

/// Why nothing is done for a job until a person takes it up again.
public struct SetAsideDetail: Sendable, Hashable, Codable {
    public var reason: String
    public var at: Timestamp?
}
