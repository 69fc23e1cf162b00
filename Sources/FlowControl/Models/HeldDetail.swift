public import Basics
import FlowModel
import WorkflowEngine

/// Something that a job froze or made and that is not undone yet: an armed undo.
public struct HeldDetail: Sendable, Hashable, Codable {
    /// The undo that owes it.
    public var step: StepID
    /// The step that acquired it.
    public var undoes: StepID
    /// Of that step, by name.
    public var systems: [String]
    /// Where alone it can be undone; nil when anywhere.
    public var host: String?
    /// What it is called outside.
    public var name: String
    public var armedAt: Timestamp
    /// What the acquiring step noted for the undo; empty when it died before it noted anything.
    public var recorded: [String: JSONValue]
    /// Undos that failed in a row, and the latest error.
    public var failures: Int
    public var error: ErrorDetail?

    /// The newest first.
    static func all(of details: JobDetails) -> [HeldDetail] {
        details.run.armed.map { undo, resource in
            let run = details.run[undo]
            let acquirer = details.run.planned(undo)?.undoes ?? undo
            return HeldDetail(
                step: undo, undoes: acquirer, systems: details.run.planned(acquirer)?.systems ?? [], host: resource.host,
                name: details.run.outsideName(of: acquirer, resource, job: details.summary.id), armedAt: Timestamp(resource.armedAt),
                recorded: resource.state, failures: run?.failures ?? 0, error: run?.error.map { ErrorDetail($0) })
        }
    }
}
