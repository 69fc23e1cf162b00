import Basics
import FlowModel
import StepKit

/// What has to be attached before a step can read it is attached by a step of its own, put in front; its undo detaches.
extension PipelineCompiler {
    /// One for each step as written: its copies into several repositories read the same attachment.
    mutating func insertAttachments() {
        let readers = drafts.indices.filter { !attachedSystems($0).isEmpty }
        for (_, group) in Dictionary(grouping: readers, by: { drafts[$0].mark }).sorted(by: { $0.key < $1.key }) {
            insertAttachment(for: group.sorted())
        }
    }

    /// The systems that the step reads in a view which is there only while they are attached.
    private func attachedSystems(_ index: Int) -> [String] {
        guard drafts[index].verb.reads == .views, !drafts[index].isCompensation else { return [] }
        return drafts[index].subjectSystems.filter { name in
            guard let type = systems[name].flatMap({ catalog.system($0.type) }) else { return false }
            return (drafts[index].planned.views?[name] ?? type.views.first).map(type.attachedViews.contains) ?? false
        }
    }

    private mutating func insertAttachment(for readers: [Int]) {
        guard let first = readers.first else { return }
        let reader = drafts[first]
        let names = attachedSystems(first)
        guard let verb = catalog.verbs.first(where: { $0.declaration.acquires?.kind == .attachment })?.declaration,
            let acquisition = verb.acquires
        else {
            return report(
                Finding(
                    "missing-capability", "\(reader.id) reads what has to be attached, and nothing here attaches",
                    expected: "a verb that attaches", found: "none", at: reader.mark))
        }
        let id = StepID("\(verb.name)-for-\(readers.count == 1 ? reader.id.rawValue : reader.group)")
        if drafts.contains(where: { $0.id == id }) {
            report(
                Finding(
                    "duplicate-id", "\(id) is the name of the step that attaches what \(reader.id) reads", expected: "another id",
                    found: id.rawValue, hint: "give the step that is called \(id) another `id:`", at: reader.mark))
        }
        let read = reader.planned
        var planned = PlannedStep(
            id: id, verb: verb.name, contractVersion: verb.contractVersion, subject: .systems(names),
            settings: verb.schema.fields.reduce(into: [:]) { $0[$1.name] = $1.defaultValue },
            // A condition of members asks for their items.
            when: read.forEach == nil ? read.when : nil,
            retry: read.retry, continueOnError: read.continueOnError, runOn: read.runOn, priority: read.priority, workClass: verb.workClass,
            snapshots: read.snapshots.filter { names.contains($0.key) })
        planned.views = names.reduce(into: [:]) { views, name in
            views[name] = read.views?[name] ?? systems[name].flatMap { catalog.system($0.type)?.views.first }
        }
        let index = drafts.count
        drafts.append(Draft(planned: planned, verb: verb, written: nil, group: id.rawValue, order: .above([]), mark: reader.mark))
        for reader in readers {
            for (need, reason) in drafts[reader].needs { drafts[index].need(need, reason) }
            drafts[reader].planned.attachments = names.reduce(into: [:]) { $0[$1] = id }
            drafts[reader].need(index, .output)
        }
        insertCompensation(of: index, acquisition)
    }
}
