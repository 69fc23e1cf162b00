public import Basics
public import FlowModel

/// The changing part of a job itself: one row of the store.
public struct JobProgress: Sendable, Hashable, Codable {
    /// Grows with every transition that changed something; the store writes only over the version that it read.
    public internal(set) var version: Int64
    public internal(set) var createdAt: Instant
    /// Set when every step that is no compensation has ended.
    public internal(set) var outcome: JobOutcome?
    public internal(set) var cleanup: CleanupState
    /// Set once a round: the outcome is known and nothing is held any more.
    public internal(set) var endedAt: Instant?
    public internal(set) var deadline: Instant?
    /// Why no further step is started: the first of cancel and deadline.
    public internal(set) var stopping: StopReason?
    public internal(set) var stoppedBy: String?
    /// 1, and one more for each retry of the job.
    public internal(set) var round: Int
    /// The latest fencing token.
    public internal(set) var lastToken: Int64
    /// How many resources have been armed.
    public internal(set) var armedCount: Int

    public init(createdAt: Instant, deadline: Instant? = nil) {
        version = 0
        self.createdAt = createdAt
        cleanup = .clean
        self.deadline = deadline
        round = 1
        lastToken = 0
        armedCount = 0
    }

    /// As the store loads it.
    public init(
        version: Int64, createdAt: Instant, outcome: JobOutcome?, cleanup: CleanupState, endedAt: Instant?, deadline: Instant?,
        stopping: StopReason?, stoppedBy: String?, round: Int, lastToken: Int64, armedCount: Int
    ) {
        self.version = version
        self.createdAt = createdAt
        self.outcome = outcome
        self.cleanup = cleanup
        self.endedAt = endedAt
        self.deadline = deadline
        self.stopping = stopping
        self.stoppedBy = stoppedBy
        self.round = round
        self.lastToken = lastToken
        self.armedCount = armedCount
    }
}
