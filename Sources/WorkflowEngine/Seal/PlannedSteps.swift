import Basics
import Expressions
import FlowModel

/// Whether a run's steps and windows are its plan's, and those that its fan-outs add. What members there are depends on outputs, which only the run
/// knows; what each of them does does not.
struct PlannedSteps: Sendable {
    let plan: Plan

    /// Why they are not; nil when they are.
    func problem(_ definition: RunDefinition) -> String? {
        guard definition.steps.starts(with: plan.steps) else {
            let strange = zip(plan.steps, definition.steps).first { $0 != $1 }?.1.id ?? "-"
            return "planned steps that are not the plan's, from step \(strange) on"
        }
        let added = definition.steps.dropFirst(plan.steps.count)
        if let strange = added.first(where: { !isMember($0) }) {
            return "step \(strange.id), which is neither in the plan nor made by its fan-outs"
        }
        let works = Set(added.filter { !$0.isCompensation }.map(\.id))
        let undos = Set(added.filter(\.isCompensation).map(\.id))
        guard definition.windows.count == plan.windows.count else { return "\(definition.windows.count.counted("window")), not the plan's" }
        for (planned, window) in zip(plan.windows, definition.windows) {
            var bare = window
            bare.members.removeAll { works.contains($0) }
            bare.thaws.removeAll { undos.contains($0) }
            if bare != planned { return "window \(window.id), which is not the plan's" }
        }
        return nil
    }

    /// A member of a fan-out of the plan, or the undo of one.
    private func isMember(_ step: PlannedStep) -> Bool {
        guard let bracket = step.id.rawValue.firstIndex(of: "["), step.id.rawValue.last == "]" else { return false }
        let base = StepID(String(step.id.rawValue[..<bracket]))
        let label = String(step.id.rawValue[bracket...].dropFirst().dropLast())
        guard let named = plan.step(base), let fanOut = named.undoes.flatMap({ plan.step($0) }) ?? Optional(named),
            let loop = fanOut.forEach
        else { return false }
        // Items that the plan has written out.
        let item = step.item ?? .null
        if let items = loop.items.arrayValue, !loop.items.canonicalText.contains("${"), !items.contains(item) { return false }
        let undo = fanOut.undoneBy.flatMap { plan.step($0) }
        return FanOutExpansion.member(of: fanOut, undo: undo, label: label, item: item).contains { made in
            var made = made
            // A null is read back as nothing.
            made.item = step.item
            return made == step
        }
    }
}
