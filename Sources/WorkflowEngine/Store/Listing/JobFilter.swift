public import Basics
public import FlowModel

/// Which jobs a list has. Nil, or false: of any.
public struct JobFilter: Sendable, Hashable {
    public var pipeline: String?
    /// A system of the job's plan, by its name there.
    public var system: String?
    public var states: Set<JobState>?
    /// Made at that time or later.
    public var since: Instant?
    /// Made before that time.
    public var until: Instant?
    /// Only those that are not over.
    public var activeOnly: Bool

    public init(
        pipeline: String? = nil, system: String? = nil, states: Set<JobState>? = nil, since: Instant? = nil, until: Instant? = nil,
        activeOnly: Bool = false
    ) {
        self.pipeline = pipeline
        self.system = system
        self.states = states
        self.since = since
        self.until = until
        self.activeOnly = activeOnly
    }
}

/// Where a job is, in one word: how it ended, or what it does until then.
public enum JobState: String, Sendable, Hashable, Codable, CaseIterable {
    case running
    /// A step of it waits for an answer.
    case waiting
    /// Cancelled, or its deadline has passed: what runs is told to stop.
    case stopping
    /// Nothing is done for it until a person takes it up again.
    case setAside
    /// As the outcomes: every step that is no compensation has ended. Whether all is undone is said by the cleanup.
    case succeeded, partial, failed, cancelled
}

extension JobState {
    /// `list-jobs.sql` filters by the same rule.
    public init(outcome: JobOutcome?, isSetAside: Bool, isStopping: Bool, isWaiting: Bool) {
        self =
            switch outcome {
            case _ where isSetAside: .setAside
            case .succeeded: .succeeded
            case .partial: .partial
            case .failed: .failed
            case .cancelled: .cancelled
            case nil: isStopping ? .stopping : isWaiting ? .waiting : .running
            }
    }
}

extension JobSummary {
    public var state: JobState {
        JobState(outcome: outcome, isSetAside: setAside != nil, isStopping: stopping != nil, isWaiting: stepsWaiting > 0)
    }
}
