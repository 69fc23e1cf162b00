import FlowModel
import Foundation
import PipelineDSL
import StepKit

/// Resolves `${...}` in a claimed step's settings, condition and items, at the moment when it runs.
struct StepExpressions: Sendable {
    let claimed: ClaimedStep

    private var scope: ExpressionScope {
        var outputs: [StepID: [String: JSONValue]] = [:]
        for row in claimed.run.steps where row.state.isTerminal { outputs[row.id] = row.outputs }
        return ExpressionScope(
            parameters: claimed.parameters, outputs: outputs,
            job: ["id": .string(claimed.job.rawValue), "createdAt": .string(Self.text(claimed.run.job.createdAt))],
            pipeline: ["name": .string(claimed.plan.pipeline), "labels": .object(claimed.plan.labels.mapValues { .string($0) })])
    }

    /// RFC 3339, whole seconds, UTC.
    private static func text(_ instant: Instant) -> String {
        Date(timeIntervalSince1970: Double(instant.microseconds / 1_000_000)).ISO8601Format()
    }

    /// Every setting resolved.
    func settings(_ values: [String: JSONValue]) throws -> [String: JSONValue] { try ExpressionEvaluator.resolve(values, in: scope) }

    /// As `settings`, without those that can't be resolved: an undo works with what there is.
    func settingsForUndo(_ values: [String: JSONValue]) -> [String: JSONValue] {
        let scope = scope
        return values.compactMapValues { try? ExpressionEvaluator.resolve($0, in: scope) }
    }

    /// The plan with the settings of the step's systems and repositories resolved.
    func plan(for step: PlannedStep) throws -> Plan {
        var plan = claimed.plan
        let scope = scope
        for name in step.systems {
            guard let settings = plan.systems[name]?.settings else { continue }
            plan.systems[name]?.settings = try ExpressionEvaluator.resolve(settings, in: scope)
        }
        for name in step.repositories {
            guard let settings = plan.repositories[name]?.settings else { continue }
            plan.repositories[name]?.settings = try ExpressionEvaluator.resolve(settings, in: scope)
        }
        return plan
    }

    func condition(_ text: String) throws -> Bool { try ExpressionEvaluator.isTrue(text, in: scope) }

    /// The members of a fan-out, with the undos of what they acquire.
    func members(of step: PlannedStep) throws -> [PlannedStep] {
        guard let fanOut = step.forEach else { return [] }
        let items = try ExpressionEvaluator.resolve(fanOut.items, in: scope)
        guard let elements = items.arrayValue else {
            throw StepError(
                .invalidSetting, expected: "a list to run the step for", found: items.canonicalText, at: "step \(step.id), forEach")
        }
        let undo = step.undoneBy.flatMap { claimed.run.planned($0) }
        return try FanOutMembers(template: step, undo: undo, scope: scope).make(elements)
    }
}
