import Basics
import FlowModel

/// A plan as a reader sees it: windows as groups, and of the edges only those that say something.
struct PlanOutline {
    enum Item {
        case step(PlannedStep)
        /// The members, then the thaws.
        case window(PlannedWindow, [PlannedStep])
    }

    let items: [Item]
    private let shown: [StepID: [Dependency]]

    init(_ plan: Plan) {
        shown = Self.shownDependencies(plan)
        var items: [Item] = []
        var windows: Set<String> = []
        for step in plan.steps {
            guard let window = plan.windows.first(where: { $0.id == step.window }) else {
                items.append(.step(step))
                continue
            }
            guard windows.insert(window.id).inserted else { continue }
            items.append(.window(window, (window.members + window.thaws).compactMap { plan.step($0) }))
        }
        self.items = items
    }

    /// Its dependencies without those that follow from others. A use of an output always stays.
    func dependencies(of step: PlannedStep) -> [Dependency] { shown[step.id] ?? [] }

    /// Above this, what follows from what would take longer to find out than to read.
    private static let largest = 2000

    private static func shownDependencies(_ plan: Plan) -> [StepID: [Dependency]] {
        guard plan.steps.count <= largest else {
            return Dictionary(plan.steps.map { ($0.id, $0.after) }, uniquingKeysWith: { first, _ in first })
        }
        var before: [StepID: Set<StepID>] = [:]
        var shown: [StepID: [Dependency]] = [:]
        for step in plan.steps {
            let direct = step.after.map(\.step)
            let implied = direct.reduce(into: Set<StepID>()) { $0.formUnion(before[$1] ?? []) }
            before[step.id] = implied.union(direct)
            shown[step.id] = step.after.filter { $0.reason == .output || !implied.contains($0.step) }
        }
        return shown
    }
}
