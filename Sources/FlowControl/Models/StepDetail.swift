public import Basics
public import FlowModel
public import WorkflowEngine

/// A step of a job, or a member of one of its fan-outs.
public struct StepDetail: Sendable, Hashable, Codable {
    public var id: StepID
    public var verb: String
    public var state: StepState
    /// Why it did not run.
    public var skipped: SkipReason?
    /// The steps that it comes after, in the order of the plan.
    public var after: [StepID]
    /// Of an undo: the step whose effect it undoes.
    public var undoes: StepID?
    /// Of a step that acquires: its undo.
    public var undoneBy: StepID?
    /// The window that it is a member of or that it closes.
    public var window: String?
    /// What it opens, by name.
    public var systems: [String]
    public var repositories: [String]
    /// The items' steps of a fan-out that has been expanded.
    public var members: [StepID]?
    /// In a member of a fan-out: what `${item}` is.
    public var item: JSONValue?
    /// The worker that runs it.
    public var worker: WorkerID?
    /// Attempts that count against the retry policy.
    public var failures: Int
    /// Of the latest attempt.
    public var startedAt: Timestamp?
    public var endedAt: Timestamp?
    /// A ready step is not started earlier.
    public var notBefore: Timestamp?
    /// When the attempt, or the wait, times out.
    public var deadline: Timestamp?
    /// Why a running step is told to stop.
    public var stopping: StopReason?
    public var progress: ProgressDetail?
    public var outputs: [String: JSONValue]
    /// What was declared tolerable and missed.
    public var missed: [String]
    /// The latest.
    public var error: ErrorDetail?
    /// Of an undo: what it owes since when.
    public var armedAt: Timestamp?
    /// Attempts made in all.
    public var attemptCount: Int
    /// The oldest first.
    public var attempts: [AttemptDetail]

    init(_ run: StepRun, planned: PlannedStep?, attempts: [AttemptRecord], progress: SavedProgress?) {
        id = run.id
        verb = planned?.verb ?? "unknown"
        state = run.state
        skipped = run.skipped
        after = planned?.after.map(\.step) ?? []
        undoes = planned?.undoes
        undoneBy = planned?.undoneBy
        window = planned?.window
        systems = planned?.systems ?? []
        repositories = planned?.repositories ?? []
        members = run.members
        item = planned?.item
        worker = run.worker
        failures = run.failures
        startedAt = run.startedAt.map { Timestamp($0) }
        endedAt = run.endedAt.map { Timestamp($0) }
        notBefore = run.notBefore.map { Timestamp($0) }
        deadline = run.deadline.map { Timestamp($0) }
        stopping = run.stop
        self.progress = run.state == .running ? progress.map { ProgressDetail($0, since: run.startedAt) } : nil
        outputs = run.outputs
        missed = run.missed
        error = run.error.map { ErrorDetail($0) }
        armedAt = run.armed.map { Timestamp($0.armedAt) }
        attemptCount = run.attempts
        self.attempts = attempts.map { AttemptDetail($0) }
    }

    public var isUndo: Bool { undoes != nil }
}
