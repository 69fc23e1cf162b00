public import Basics
public import FlowModel
public import StepKit

/// A line of the journal. Ids grow in the order of a job's transitions.
public struct EventRecord: Sendable, Hashable, Codable {
    public var id: Int64
    public var job: JobID
    public var step: StepID?
    /// A `JournalEntry.Kind`, or one of another version.
    public var kind: String
    public var details: JSONValue
    public var isAlarm: Bool
    public var at: Instant
}

/// A line of a step's log as stored.
public struct LogRecord: Sendable, Hashable, Codable {
    public var id: Int64
    public var step: StepID
    public var attempt: Int
    public var level: LogLevel
    public var message: String
    public var at: Instant
}

/// Something that a job froze or made and that is not undone yet.
public struct ArmedRecord: Sendable, Hashable, Codable {
    public var job: JobID
    public var pipeline: String
    /// The compensation that owes the undo.
    public var step: PlannedStep
    public var generation: Int
    public var armedAt: Instant
    /// Where alone it can be undone; nil when anywhere.
    public var host: String?
    public var state: [String: JSONValue]
    /// Undos that failed in a row, and the latest error.
    public var failures: Int
    public var error: Explanation?
}

public struct BaseRecord: Sendable, Hashable, Codable {
    public var base: Base
    public var job: JobID
    public var recordedAt: Instant
}

public struct WorkerRecord: Sendable, Hashable, Codable {
    public var id: WorkerID
    public var host: String
    public var process: Int32
    public var labels: [String: String]
    /// False: dead, retired, or its lease has passed.
    public var isAlive: Bool
    public var startedAt: Instant
    public var stepsRunning: Int
}
