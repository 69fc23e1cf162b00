import FlowModel
import PipelineDSL
import StepKit

/// The steps that a fan-out over outputs becomes: one an item, named `copy-vm[web1]`, everything that the item decides resolved.
struct FanOutMembers {
    let template: PlannedStep
    /// The undo of what the template's members acquire.
    let undo: PlannedStep?
    let scope: ExpressionScope

    func make(_ items: [JSONValue]) throws -> [PlannedStep] {
        let names = items.enumerated().map { index, item in Self.name(of: item) ?? String(index) }
        guard Set(names).count == names.count else {
            throw StepError(
                .invalidSetting, expected: "items that differ", found: names.joined(separator: ", "), at: "step \(template.id), forEach")
        }
        return try zip(names, items).flatMap { try member($0, $1) }
    }

    /// A text itself, else its `name` or `id`.
    private static func name(of item: JSONValue) -> String? {
        switch item {
        case .string(let text): text
        case .int(let number): String(number)
        case .object(let members): members["name"]?.stringValue ?? members["id"]?.stringValue
        default: nil
        }
    }

    private func member(_ name: String, _ item: JSONValue) throws -> [PlannedStep] {
        var scope = scope
        scope.item = item
        var member = try resolved(template, in: scope)
        member.id = StepID("\(template.id)[\(name)]")
        member.forEach = nil
        if let condition = template.when { member.when = try ExpressionEvaluator.isTrue(condition, in: scope) ? nil : "${false}" }
        guard let undo else { return [member] }
        var memberUndo = try resolved(undo, in: scope)
        memberUndo.id = StepID("\(undo.id)[\(name)]")
        memberUndo.undoes = member.id
        memberUndo.after = undo.after.map { Dependency(step: $0.step == template.id ? member.id : $0.step, reason: $0.reason) }
        member.undoneBy = memberUndo.id
        return [member, memberUndo]
    }

    private func resolved(_ step: PlannedStep, in scope: ExpressionScope) throws -> PlannedStep {
        var step = step
        step.settings = try ExpressionEvaluator.resolve(step.settings, in: scope)
        step.systems = try step.systems.map { try text($0, in: scope) }
        step.repositories = try step.repositories.map { try text($0, in: scope) }
        switch step.subject {
        case .none: break
        case .systems(let names): step.subject = .systems(try names.map { try text($0, in: scope) })
        case .repository(let name): step.subject = .repository(try text(name, in: scope))
        case .step(let id): step.subject = .step(StepID(try text(id.rawValue, in: scope)))
        case .snapshot(let which): step.subject = .snapshot(try text(which, in: scope))
        }
        return step
    }

    private func text(_ value: String, in scope: ExpressionScope) throws -> String {
        let resolved = try ExpressionEvaluator.resolve(.string(value), in: scope)
        return resolved.stringValue ?? resolved.canonicalText
    }
}
