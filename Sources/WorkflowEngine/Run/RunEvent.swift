import Basics
import FlowModel
import StepKit

/// What can happen to a job. Events of a worker name the attempt's token; with another token than the live one they change nothing.
enum RunEvent: Sendable, Hashable, Codable {
    /// The job was submitted.
    case begin
    /// A worker takes a ready step.
    case start(StepID, by: Claimant)
    case finish(StepID, token: Int64, FinishedStep)
    case fail(StepID, token: Int64, Explanation)
    /// The body ended because it was told to.
    case stopped(StepID, token: Int64)
    /// The lease ran out, or the worker shuts down and gives the step back. Burns no try.
    case lost(StepID, token: Int64)
    /// The step's `when` is false.
    case conditionFalse(StepID, token: Int64)
    /// The step waits for a signal, at most until then.
    case wait(StepID, token: Int64, until: Instant?)
    /// The items of a fan-out are known. Members of acquiring steps come with their compensations.
    case expand(StepID, token: Int64, members: [PlannedStep])
    /// What the undo needs to know.
    case recordUndo(StepID, token: Int64, state: [String: JSONValue])
    /// A worker's heartbeat lapsed: everything that it ran is lost.
    case workerLost(WorkerID)
    /// The guard or a lost session of that worker thawed the window; it concerns the window only while it is that worker's.
    case maxHoldPassed(window: String, by: WorkerID)
    /// From a person or an external task.
    case signal(StepID, StepSignal)
    case cancel(by: String)
    /// Time has passed: timeouts, holds, deadlines.
    case tick
    /// A person asks to go on from what failed.
    case retryJob(by: String)
    /// A person gives up what is still owed when all work has ended: by that undo, or by every one when nil.
    case abandon(StepID?, by: String)
}

/// Who takes a step.
public struct Claimant: Sendable, Hashable, Codable {
    public var worker: WorkerID
    public var host: String
    /// True when what the step acquires can be undone on this host only.
    public var acquiresOnHost: Bool
    public init(worker: WorkerID, host: String, acquiresOnHost: Bool = false) {
        self.worker = worker
        self.host = host
        self.acquiresOnHost = acquiresOnHost
    }
}

/// What a step came to, with what the store knows of the bases that it replaces.
struct FinishedStep: Sendable, Hashable, Codable {
    var outputs: [String: JSONValue]
    var missed: [String]
    var proofs: [Proof]
    var bases: [Base]
    /// The bases that `bases` replace and that no other (system, repository) still needs; read by the store in the same transaction.
    var formerBases: [Base]
    /// The step fails with this, but outputs and proofs are kept.
    var failure: Explanation?

    init(
        outputs: [String: JSONValue] = [:], missed: [String] = [], proofs: [Proof] = [], bases: [Base] = [], formerBases: [Base] = [],
        failure: Explanation? = nil
    ) {
        self.outputs = outputs
        self.missed = missed
        self.proofs = proofs
        self.bases = bases
        self.formerBases = formerBases
        self.failure = failure
    }

    init(_ result: StepResult, formerBases: [Base] = []) {
        self.init(
            outputs: result.outputs, missed: result.missed, proofs: result.proofs, bases: result.bases, formerBases: formerBases,
            failure: result.failure?.explanation)
    }
}
