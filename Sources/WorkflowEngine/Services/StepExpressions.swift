import Basics
import Expressions
import FlowModel
import Foundation

/// Resolves `${...}` in a claimed step's settings, condition and items, at the moment when it runs.
struct StepExpressions: Sendable {
    let claimed: ClaimedStep
    /// Of the steps that have ended.
    let outputs: [StepID: [String: JSONValue]]

    init(claimed: ClaimedStep) {
        self.claimed = claimed
        outputs = claimed.run.outputs
    }

    private func scope(of step: PlannedStep) -> ExpressionScope {
        ExpressionScope(
            parameters: claimed.parameters, outputs: outputs,
            job: ["id": .string(claimed.job.rawValue), "createdAt": .string(Self.text(claimed.run.job.createdAt))],
            pipeline: claimed.plan.expressionFields, item: step.item)
    }

    /// RFC 3339, whole seconds, UTC.
    private static func text(_ instant: Instant) -> String {
        Date(timeIntervalSince1970: Double(instant.microseconds / 1_000_000)).ISO8601Format()
    }

    /// Every setting resolved.
    func settings(of step: PlannedStep) throws -> [String: JSONValue] {
        try ExpressionEvaluator.resolve(step.settings, in: scope(of: step))
    }

    /// As `settings`, without those that can't be resolved: an undo works with what there is.
    func settingsForUndo(_ step: PlannedStep) -> [String: JSONValue] {
        let scope = scope(of: step)
        return step.settings.compactMapValues { try? ExpressionEvaluator.resolve($0, in: scope) }
    }

    func condition(_ text: String, of step: PlannedStep) throws -> Bool { try ExpressionEvaluator.isTrue(text, in: scope(of: step)) }

    /// The members of a fan-out, with the undos of what they acquire.
    func members(of step: PlannedStep) throws -> [PlannedStep] {
        guard let fanOut = step.forEach else { return [] }
        let items = try FanOutExpansion.items(of: fanOut, in: scope(of: step))
        return FanOutExpansion.members(of: step, undo: step.undoneBy.flatMap { claimed.run.planned($0) }, items: items)
    }
}
