public import Basics
public import FlowModel

/// A step written once and run for each of several items becomes its members.
public enum FanOutExpansion {
    /// One member for each item, each followed by its own undo where the step has one (`undo` is the plan's). Pure: the same items give the same ids.
    /// Members have `item` and no `forEach`; what `${item}` stands in is resolved when they start.
    public static func members(of step: PlannedStep, undo: PlannedStep?, items: [JSONValue]) -> [PlannedStep] {
        var members: [PlannedStep] = []
        var seen: Set<String> = []
        for (index, item) in items.enumerated() {
            var label = Self.label(item) ?? String(index)
            if !seen.insert(label).inserted { label = "\(label)#\(index)" }
            seen.insert(label)
            members += member(of: step, undo: undo, label: label, item: item)
        }
        return members
    }

    /// The member for one item, and its own undo where the step has one. `label` tells it from the others.
    public static func member(of step: PlannedStep, undo: PlannedStep?, label: String, item: JSONValue) -> [PlannedStep] {
        var member = step
        member.id = StepID("\(step.id)[\(label)]")
        member.forEach = nil
        member.item = item
        guard let undo else { return [member] }
        let undoID = StepID("\(undo.id)[\(label)]")
        member.undoneBy = undoID
        var memberUndo = undo
        memberUndo.id = undoID
        memberUndo.undoes = member.id
        memberUndo.item = item
        memberUndo.after = undo.after.map { $0.step == step.id ? Dependency(step: member.id, reason: $0.reason) : $0 }
        return [member, memberUndo]
    }

    /// The items that an evaluated `forEach` gives. Throws when it is no list.
    public static func items(of fanOut: FanOut, in scope: ExpressionScope) throws(Explanation) -> [JSONValue] {
        let value = try ExpressionEvaluator.resolve(fanOut.items, in: scope)
        guard let items = value.arrayValue else {
            throw Explanation(.expressionType, expected: "a list", found: value.canonicalText, at: "forEach")
        }
        guard items.count <= largest else {
            throw Explanation(.tooManyItems, expected: "at most \(largest) items", found: "\(items.count)", at: "forEach")
        }
        return items
    }

    /// More than that is a mistake.
    public static let largest = 10_000

    private static func label(_ item: JSONValue) -> String? {
        switch item {
        case .string(let text):
            DocumentName.isGood(text, dots: true) ? text : DocumentName.slug(text).isEmpty ? nil : DocumentName.slug(text)
        case .int(let value): String(value)
        case .bool(let value): String(value)
        case .null, .double, .array, .object: nil
        }
    }
}

extension JobDefinition {
    /// Expands what goes over literals and parameters. What goes over outputs, and what a step reads the outputs of as a list, is left to the run.
    mutating func expandFanOuts(_ scope: ExpressionScope) throws(Explanation) {
        for step in steps {
            guard let fanOut = step.forEach, !Self.readsOutputs(fanOut) else { continue }
            let items: [JSONValue]
            do {
                items = try FanOutExpansion.items(of: fanOut, in: scope)
            } catch {
                throw Explanation(error, at: "step \(step.id)")
            }
            // Its outputs are read as a list, or only so many may run at once: the run keeps the step and adds its members.
            if fanOut.maxParallel != nil || steps.contains(where: { $0.after.contains { $0.step == step.id && $0.reason == .output } }) {
                guard let index = steps.firstIndex(where: { $0.id == step.id }) else { continue }
                steps[index].forEach?.items = .array(items)
                continue
            }
            let undo = step.undoneBy.flatMap { id in steps.first { $0.id == id } }
            replace(step, undo, by: FanOutExpansion.members(of: step, undo: undo, items: items))
        }
    }

    private static func readsOutputs(_ fanOut: FanOut) -> Bool {
        guard let text = fanOut.items.stringValue, let references = try? ExpressionTemplate(parsing: text).references else { return false }
        return references.contains { if case .output = $0 { true } else { false } }
    }

    private mutating func replace(_ step: PlannedStep, _ undo: PlannedStep?, by members: [PlannedStep]) {
        let works = members.filter { !$0.isCompensation }
        guard let position = steps.firstIndex(where: { $0.id == step.id }) else { return }
        steps.removeAll { $0.id == step.id || $0.id == undo?.id }
        steps.insert(contentsOf: members, at: position)
        for index in steps.indices where steps[index].after.contains(where: { $0.step == step.id }) {
            steps[index].after = steps[index].after.flatMap { dependency in
                guard dependency.step == step.id else { return [dependency] }
                if steps[index].isCompensation || !works.isEmpty {
                    return works.map { Dependency(step: $0.id, reason: dependency.reason) }
                }
                // Nothing to do in between: what comes after waits for what came before.
                return step.after.map { Dependency(step: $0.step, reason: .order) }
            }
            steps[index].after = Set(steps[index].after.map(\.step)).sorted().compactMap { id in
                steps[index].after.filter { $0.step == id }.max { $0.reason.strength < $1.reason.strength }
            }
        }
    }
}
