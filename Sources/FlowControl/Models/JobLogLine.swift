public import Basics
import FlowModel
public import StepKit
import WorkflowEngine

/// A line that a step's body wrote.
public struct JobLogLine: Sendable, Hashable, Codable {
    /// Grows in the order of writing.
    public var id: Int64
    public var step: StepID
    public var attempt: Int
    public var level: LogLevel
    public var message: String
    public var at: Timestamp

    init(_ record: LogRecord) {
        id = record.id
        step = record.step
        attempt = record.attempt
        level = record.level
        message = record.message
        at = Timestamp(record.at)
    }
}
