public import Basics
public import StepKit

/// What a compensation has to undo: written in the transaction that starts the acquiring step, before the thing itself is done.
public struct ArmedResource: Sendable, Hashable, Codable {
    /// Grows each time the acquiring step acquires anew; part of the key that names the resource outside.
    public var generation: Int
    /// The order of arming within the job.
    public var order: Int
    public var armedAt: Instant
    /// Where alone it can be undone; nil when anywhere.
    public var host: String?
    /// What the acquiring step recorded for the undo; empty when it died before it recorded anything.
    public var state: [String: JSONValue]
    /// Keys of system snapshots that live on as bases and are not released.
    public var kept: Set<String>
    /// Bases that those replaced, released instead.
    public var former: [Base]
    /// False when the acquired resource itself lives on whole.
    public var owesOwn: Bool
    /// The latest undo began while the acquiring step still ran: it has to be done once more.
    public var early: Bool

    public init(
        generation: Int, order: Int, armedAt: Instant, host: String? = nil, state: [String: JSONValue] = [:], kept: Set<String> = [],
        former: [Base] = [], owesOwn: Bool = true, early: Bool = false
    ) {
        self.generation = generation
        self.order = order
        self.armedAt = armedAt
        self.host = host
        self.state = state
        self.kept = kept
        self.former = former
        self.owesOwn = owesOwn
        self.early = early
    }

    var owesNothing: Bool { !owesOwn && former.isEmpty }
}
