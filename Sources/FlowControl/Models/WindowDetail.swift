public import Basics
import FlowModel
public import WorkflowEngine

/// From the first quiesce to the last thaw.
public struct WindowDetail: Sendable, Hashable, Codable {
    public var id: String
    public var phase: WindowRun.Phase
    /// The quiesce, snapshot and instant steps, in order.
    public var members: [StepID]
    public var thaws: [StepID]
    /// The longest that anything in it may stay frozen.
    public var maxHoldSeconds: Double
    /// The one worker that runs its members.
    public var worker: WorkerID?
    /// When what is frozen is thawed in any case; nil when nothing is.
    public var holdUntil: Timestamp?
    /// Tries that were void.
    public var failures: Int
    /// The earliest time for the next try.
    public var retryAt: Timestamp?

    init(_ run: WindowRun, planned: PlannedWindow?) {
        id = run.id
        phase = run.phase
        members = planned?.members ?? []
        thaws = planned?.thaws ?? []
        maxHoldSeconds = planned?.maxHold.seconds ?? 0
        worker = run.worker
        holdUntil = run.holdUntil.map { Timestamp($0) }
        failures = run.failures
        retryAt = run.retryAt.map { Timestamp($0) }
    }
}
