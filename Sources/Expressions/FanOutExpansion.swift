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
