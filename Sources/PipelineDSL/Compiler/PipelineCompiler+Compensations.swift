import Basics
import FlowModel
import StepKit

/// The undo of every acquiring step: a step of its own, shown by `plan`, never given up.
extension PipelineCompiler {
    /// Adds the undos without their edges, so that their outputs can be referred to.
    mutating func insertCompensations() {
        for index in drafts.indices {
            guard let acquisition = drafts[index].verb.acquires, let step = drafts[index].written else { continue }
            if let setting = acquisition.onlyWithSetting, !step.given.contains(setting) { continue }
            insertCompensation(of: index, acquisition)
        }
    }

    mutating func insertCompensation(of index: Int, _ acquisition: Acquisition) {
        let draft = drafts[index]
        let id = Self.undoID(of: draft, acquisition.undoVerb)
        if drafts.contains(where: { $0.id == id }) {
            report(
                Finding(
                    "duplicate-id", "\(id) is the name of the step that undoes \(draft.id)", expected: "another id", found: id.rawValue,
                    hint: "give the step that is called \(id) another `id:`", at: draft.mark))
        }
        drafts[index].planned.undoneBy = id
        let undo = PlannedStep(
            id: id, verb: acquisition.undoVerb, contractVersion: draft.planned.contractVersion, subject: draft.planned.subject,
            settings: draft.planned.settings, retry: .withoutEnd, runOn: draft.planned.runOn, priority: draft.planned.priority,
            workClass: .undo, undoes: draft.id)
        drafts.append(Draft(planned: undo, verb: draft.verb, written: nil, group: id.rawValue, order: .above([]), mark: draft.mark))
    }

    /// `quiesce-db` is undone by `thaw-db`; an id of the author's own keeps its whole name.
    private static func undoID(of draft: Draft, _ word: String) -> StepID {
        let id = draft.id.rawValue
        let prefix = draft.planned.verb + "-"
        return StepID("\(word)-\(id.hasPrefix(prefix) ? String(id.dropFirst(prefix.count)) : id)")
    }

    /// The edges of the undos: each waits for what it guards to end, whatever way.
    mutating func guardCompensations() {
        let graph = StepGraph(drafts)
        for index in drafts.indices {
            guard let undo = drafts[index].planned.undoneBy, let at = drafts.firstIndex(where: { $0.id == undo }) else { continue }
            var guarded: Set<Int> = [index]
            switch drafts[index].verb.acquires?.undoneWhen {
            case .stepEnded, nil: break
            case .windowSealed: guarded.formUnion(frozen(by: index, graph))
            case .usersDone:
                let id = drafts[index].id
                guarded.formUnion(
                    drafts.indices.filter { drafts[$0].planned.snapshots.values.contains(id) || drafts[$0].needs[index] == .output })
                // What its users acquired lies on it: that goes first.
                let undos = Set(guarded.compactMap { drafts[$0].planned.undoneBy })
                guarded.formUnion(drafts.indices.filter { undos.contains(drafts[$0].id) })
            }
            for need in guarded where need != at { drafts[at].need(need, .guarded) }
        }
    }
}
