public import Basics

/// The changing part of a window in a job.
public struct WindowRun: Sendable, Hashable, Codable {
    public enum Phase: String, Sendable, Hashable, Codable, CaseIterable {
        /// No member has started since the last reset.
        case idle
        /// From the start of the first member.
        case open
        /// Every member ended well: its snapshots are good, the thaws may run.
        case sealed
        /// Thawed early, or a member failed or was lost: everything that its members acquired is being undone, then it starts again.
        case discarding
        /// Given up: a member failed for good, or the job was cancelled.
        case broken
    }
    public let id: String
    public internal(set) var phase: Phase
    /// The one worker that runs its members.
    public internal(set) var worker: WorkerID?
    /// When what it froze must be thawed; nil when nothing is.
    public internal(set) var holdUntil: Instant?
    /// True once `holdUntil` has passed before the window was sealed: thaws no longer wait for members.
    public internal(set) var holdPassed: Bool
    /// Discards that count against the retry policy.
    public internal(set) var failures: Int
    /// While discarding: the earliest time for the next try.
    public internal(set) var retryAt: Instant?

    public init(id: String) {
        self.id = id
        phase = .idle
        holdPassed = false
        failures = 0
    }

    /// As the store loads it.
    public init(
        id: String, phase: Phase, worker: WorkerID?, holdUntil: Instant?, holdPassed: Bool, failures: Int, retryAt: Instant?
    ) {
        self.id = id
        self.phase = phase
        self.worker = worker
        self.holdUntil = holdUntil
        self.holdPassed = holdPassed
        self.failures = failures
        self.retryAt = retryAt
    }
}
