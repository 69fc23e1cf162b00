public import Basics
public import FlowModel
public import StepKit

/// What follows from an event: what the store must write, all in one statement, and what the worker then does.
public enum RunAction: Sendable, Hashable, Codable {
    /// Nothing changed, and why. Always the only action.
    case refused(Refusal)

    /// The job's row changed: write `JobRun.job` over the version before.
    case job
    /// A step's row changed (or is new): write `JobRun[id]`.
    case step(StepID)
    /// A window's row changed: write `JobRun.window(id)`.
    case window(String)
    case attemptOpened(StepID, number: Int, token: Int64, worker: WorkerID)
    case attemptClosed(StepID, number: Int, AttemptOutcome, Explanation?)
    /// The compensation now owes the undo of that generation.
    case armed(StepID, generation: Int)
    /// It owes it no more: undone, never acquired, kept as a base, or given up.
    case disarmed(StepID, generation: Int)
    /// New steps of a fan-out.
    case added([PlannedStep])
    /// Whatever the step, or the window, holds of the named resources.
    case releaseHolds(HoldOwner)
    /// A system snapshot is the base of (system, repository) from now on.
    case baseRecorded(Base)
    /// The undone former base is a base no more.
    case baseReleased(Base)
    case proofRecorded(Proof, by: StepID)
    case event(JournalEntry)

    /// Tell the worker that runs the attempt to stop its body.
    case stopBody(StepID, token: Int64, StopReason)
    /// Steps became ready: workers may claim.
    case wake
}

/// Who holds named resources.
public enum HoldOwner: Sendable, Hashable, Codable {
    case step(StepID)
    case window(String)
}

/// Why an event changed nothing.
public enum Refusal: String, Sendable, Hashable, Codable {
    /// Another attempt has the step, or none: the caller must stop its body.
    case staleToken
    /// The step can't be started (any more, or by this worker).
    case notReady
    case unknownStep
    /// The step's `by` does not name who answered.
    case notAllowed
    /// The job is over, or already being cancelled.
    case nothingToDo
    /// Work of the job has not ended.
    case stillWorking
}

/// A line of the job's history.
public struct JournalEntry: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        case jobStarted, jobEnded, jobCancelled, jobDeadlinePassed, jobRetried
        case stepReady, stepStarted, stepSucceeded, stepFailed, stepRetried, stepSkipped, stepCancelled, stepLost, stepWaiting, stepExpanded
        case armed, undone, undoFailed, keptAsBase, abandoned, signal
        case windowOpened, windowSealed, windowDiscarded, windowRestarted, windowBroken, maxHoldPassed
        case cleanupFailed, cleanupRecovered
        /// By the store: its rows can't be read; and by a person afterwards.
        case setAside, takenUp
        /// By the store: nobody will ever do it as things are.
        case stalled
        /// By the store: a worker can't serve it, and why.
        case left
    }
    public var kind: Kind
    public var step: StepID?
    public var details: JSONValue
    /// Worth waking somebody up.
    public var isAlarm: Bool

    public init(_ kind: Kind, step: StepID? = nil, details: JSONValue = .object([:]), isAlarm: Bool = false) {
        self.kind = kind
        self.step = step
        self.details = details
        self.isAlarm = isAlarm
    }
}
