import FlowModel
import StepKit

/// What a verb finds wrong with its settings for the systems that the step is about.
extension PipelineCompiler {
    mutating func checkSubjects() {
        for index in drafts.indices where drafts[index].isFirstOfGroup(in: drafts, at: index) {
            guard let step = drafts[index].written, let verb = catalog.verb(step.verb.name) else { continue }
            let label = "step \(drafts[index].id)"
            for problem in verb.problems(in: Settings(step.settings, origin: label), about: subject(of: index, step)) {
                report(Finding(problem, label, at: step.places[problem.setting] ?? step.mark))
            }
        }
    }

    private func subject(of index: Int, _ step: WrittenStep) -> StepSubject {
        var reading = index
        if case .step(let copy) = drafts[index].planned.subject, let source = drafts.firstIndex(where: { $0.id == copy }) {
            reading = source
        }
        let systems = drafts[reading].subjectSystems.compactMap(subjectSystem)
        var named: [String: StepSubject.System] = [:]
        for mention in step.mentions.systems { named[mention.name] = subjectSystem(mention.name) }
        var completing: [String: [StepSubject.System]] = [:]
        for (system, snapshot) in drafts[reading].planned.snapshots {
            guard let window = drafts.first(where: { $0.id == snapshot })?.planned.window else { continue }
            let quiesces = drafts.filter { $0.planned.window == window && $0.isQuiesce }
            completing[system] = quiesces.flatMap(\.subjectSystems).compactMap(subjectSystem).filter { $0.type.thawCompletesCopies }
        }
        return StepSubject(systems: systems, named: named, completing: completing)
    }

    private func subjectSystem(_ name: String) -> StepSubject.System? {
        guard let planned = systems[name], let type = catalog.system(planned.type) else { return nil }
        return StepSubject.System(name: name, type: type, settings: Settings(planned.settings, origin: "system \(name)"))
    }
}
