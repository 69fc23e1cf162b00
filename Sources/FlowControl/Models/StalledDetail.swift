public import Basics
import FlowModel

/// Something of a job that goes on which nobody will ever do as things are.
public struct StalledDetail: Sendable, Hashable, Codable, CustomStringConvertible {
    /// Nil: the job as a whole, of which nothing is ready, runs or waits.
    public var step: StepID?
    public var isUndo: Bool
    public var reason: String

    public var description: String { (step.map { (isUndo ? "undo " : "step ") + "\($0): " } ?? "") + reason }
}
