public import Basics
import FlowModel
import WorkflowEngine

/// A line of a job's journal.
public struct JobEvent: Sendable, Hashable, Codable {
    /// Grows in the order of the job's transitions.
    public var id: Int64
    public var job: JobID
    public var step: StepID?
    /// A `JournalEntry.Kind`, or one of another version.
    public var kind: String
    /// What else there is to say, by kind.
    public var details: JSONValue
    /// Worth waking somebody up.
    public var isAlarm: Bool
    public var at: Timestamp

    init(_ record: EventRecord) {
        id = record.id
        job = record.job
        step = record.step
        kind = record.kind
        details = record.details
        isAlarm = record.isAlarm
        at = Timestamp(record.at)
    }
}
