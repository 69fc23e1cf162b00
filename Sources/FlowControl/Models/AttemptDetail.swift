public import FlowModel
public import WorkflowEngine

/// One try of a step.
public struct AttemptDetail: Sendable, Hashable, Codable {
    /// From 1.
    public var number: Int
    public var worker: WorkerID
    public var startedAt: Timestamp
    public var endedAt: Timestamp?
    public var outcome: AttemptOutcome
    public var error: ErrorDetail?

    init(_ record: AttemptRecord) {
        number = record.number
        worker = record.worker
        startedAt = Timestamp(record.startedAt)
        endedAt = record.endedAt.map { Timestamp($0) }
        outcome = record.outcome
        error = record.error.map { ErrorDetail($0) }
    }
}
