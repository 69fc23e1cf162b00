public import Basics
public import FlowModel

/// The changing part of a step in a job: one row of the store.
public struct StepRun: Sendable, Hashable, Codable {
    public let id: StepID
    public internal(set) var state: StepState
    /// Why it was skipped.
    public internal(set) var skipped: SkipReason?
    /// For a ready step: not to be started earlier.
    public internal(set) var notBefore: Instant?
    /// The fencing token of the latest attempt, unique and growing within the job; 0 before the first.
    public internal(set) var token: Int64
    /// The worker whose attempt is running.
    public internal(set) var worker: WorkerID?
    /// Workers that alone may start it; nil when any.
    public internal(set) var boundWorker: WorkerID?
    public internal(set) var boundHost: String?
    /// Attempts made in all: the number of the latest.
    public internal(set) var attempts: Int
    /// Failures that count against the retry policy; lost leases and shutdowns don't.
    public internal(set) var failures: Int
    public internal(set) var startedAt: Instant?
    public internal(set) var endedAt: Instant?
    /// When the running attempt, or the wait, times out.
    public internal(set) var deadline: Instant?
    /// Set while the body of a running step is to stop.
    public internal(set) var stop: StopReason?
    public internal(set) var outputs: [String: JSONValue]
    /// What was declared tolerable and missed.
    public internal(set) var missed: [String]
    /// The latest error.
    public internal(set) var error: Explanation?
    /// A signal that came before the step waited for it.
    public internal(set) var signal: StepSignal?
    /// For a fan-out that has been expanded: its members.
    public internal(set) var members: [StepID]?
    /// For a compensation: what it has to undo.
    public internal(set) var armed: ArmedResource?
    /// For a compensation: how often something was armed. For an acquiring step the same number is part of `key`.
    public internal(set) var generation: Int

    /// A step that has not begun.
    public init(id: StepID) {
        self.id = id
        state = .pending
        token = 0
        attempts = 0
        failures = 0
        outputs = [:]
        missed = []
        generation = 0
    }

    /// As the store loads it.
    public init(
        id: StepID, state: StepState, skipped: SkipReason?, notBefore: Instant?, token: Int64, worker: WorkerID?, boundWorker: WorkerID?,
        boundHost: String?, attempts: Int, failures: Int, startedAt: Instant?, endedAt: Instant?, deadline: Instant?, stop: StopReason?,
        outputs: [String: JSONValue], missed: [String], error: Explanation?, signal: StepSignal?, members: [StepID]?,
        armed: ArmedResource?, generation: Int
    ) {
        self.id = id
        self.state = state
        self.skipped = skipped
        self.notBefore = notBefore
        self.token = token
        self.worker = worker
        self.boundWorker = boundWorker
        self.boundHost = boundHost
        self.attempts = attempts
        self.failures = failures
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.deadline = deadline
        self.stop = stop
        self.outputs = outputs
        self.missed = missed
        self.error = error
        self.signal = signal
        self.members = members
        self.armed = armed
        self.generation = generation
    }
}

/// Why a step did not run.
public enum SkipReason: String, Sendable, Hashable, Codable {
    /// Its `when` was false.
    case condition
    /// Something that it needs failed or was cancelled.
    case upstream
    /// As `upstream`, but the failure was declared tolerable: what merely comes after it goes on.
    case upstreamTolerated
    /// A compensation whose step never started.
    case neverArmed
    /// A release whose snapshot lives on as a base.
    case keptAsBase
    /// A compensation that a person gave up: what it should have undone may still be there.
    case abandoned
}

/// Why a running body is told to stop.
public enum StopReason: String, Sendable, Hashable, Codable {
    case cancelled, deadline, timedOut, windowVoid
}

/// An answer from outside to a step that waits.
public struct StepSignal: Sendable, Hashable, Codable {
    /// False: denied, or failed outside.
    public var isGood: Bool
    public var by: String
    /// Groups that the person belongs to: a step's `by` may name one of them. A claim, as the name is: the control database is the boundary.
    public var groups: [String]?
    public var outputs: [String: JSONValue]
    public init(isGood: Bool, by: String, groups: [String]? = nil, outputs: [String: JSONValue] = [:]) {
        self.isGood = isGood
        self.by = by
        self.groups = groups
        self.outputs = outputs
    }
}
