import Basics
import Expressions
import FlowModel

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
