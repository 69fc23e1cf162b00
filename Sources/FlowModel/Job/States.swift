import Basics

/// The state of a step in a job. See docs/state-machine.md.
public enum StepState: String, Sendable, Hashable, Codable, CaseIterable {
    case pending, ready, running, waiting, succeeded, failed, skipped, cancelled

    public var isTerminal: Bool {
        switch self {
        case .succeeded, .failed, .skipped, .cancelled: true
        case .pending, .ready, .running, .waiting: false
        }
    }
}

/// How a job ended.
public enum JobOutcome: String, Sendable, Hashable, Codable, CaseIterable {
    case succeeded, partial, failed, cancelled
}

/// Whether everything that the job acquired has been undone.
public enum CleanupState: String, Sendable, Hashable, Codable, CaseIterable {
    /// Nothing is held.
    case clean
    /// Something is armed and will be undone.
    case pending
    /// An undo has failed several times; it is retried without end and listed with what it holds.
    case failed
    /// Nothing is owed any more, because a person gave up what was: it may still be there.
    case abandoned
}

/// What a try of a step came to.
public enum AttemptOutcome: String, Sendable, Hashable, Codable, CaseIterable {
    case running, succeeded, failed, cancelled, timedOut
    /// The worker lost its lease or shut down: counted apart, burns no try.
    case lost
}
