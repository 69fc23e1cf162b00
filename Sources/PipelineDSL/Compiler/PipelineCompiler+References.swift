import Basics
import FlowModel
import StepKit

/// What a step says about others: `after`, `verify: copy`, settings that name something.
extension PipelineCompiler {
    mutating func resolveOrder() {
        for index in drafts.indices where !drafts[index].isCompensation {
            switch drafts[index].order {
            case .above(let above): for need in above { drafts[index].need(need, .order) }
            case .named(let names):
                for name in names { for need in findSteps(name, mayBeSeveral: true) { drafts[index].need(need, .order) } }
            }
        }
    }

    mutating func resolveSubjects() {
        for index in drafts.indices where !drafts[index].isCompensation && drafts[index].verb.subject == .copyStepOrRepository {
            guard case .names(let names)? = drafts[index].written?.subject, let name = names.first else { continue }
            if declaredRepository(name.name) != nil || document.brokenNames.contains(name.name) {
                if steps(called: name.name).isEmpty {
                    checkRepository(name)
                    setSubject(.repository(name.name), of: index)
                    continue
                }
                report(
                    Finding(
                        "ambiguous-reference", "`\(name.name)` is a repository and a step", expected: "a name that means one thing",
                        found: name.name, hint: "give the step another `id:`", at: name.mark))
                continue
            }
            guard let copy = findSteps(name, mayBeSeveral: false).first else { continue }
            guard Self.copies(drafts[copy]) else {
                report(
                    Finding(
                        "wrong-subject", "`\(drafts[index].verb.name)` acts on a copy step or a repository",
                        expected: "the id of a copy step",
                        found: "\(drafts[copy].id), which is `\(drafts[copy].planned.verb)`", at: name.mark))
                continue
            }
            if drafts[copy].planned.forEach != nil {
                report(
                    Finding(
                        "wrong-subject", "\(drafts[copy].id) runs once for each of several items: there is no one copy",
                        expected: "a step that runs once, or a repository", found: name.name,
                        hint: "write the copies out, or name the repository", at: name.mark))
            }
            setSubject(.step(drafts[copy].id), of: index)
            drafts[index].need(copy, .output)
            checkRuns(copy, before: index, at: name.mark)
        }
    }

    private mutating func setSubject(_ subject: Subject, of index: Int) {
        drafts[index].planned.subject = subject
        if let undo = drafts[index].planned.undoneBy, let at = drafts.firstIndex(where: { $0.id == undo }) {
            drafts[at].planned.subject = subject
        }
    }

    static func copies(_ draft: Draft) -> Bool {
        if case .systems = draft.verb.subject { return draft.verb.schema["to"]?.type.isRepositories ?? false }
        return false
    }

    /// Names in settings: systems, repositories, steps, limits.
    mutating func checkSettings() {
        for index in drafts.indices {
            guard let step = drafts[index].written, drafts[index].isFirstOfGroup(in: drafts, at: index) else { continue }
            for name in step.mentions.systems {
                checkSystem(name, anyOf: name.capabilities, for: step.verb.name)
            }
            for name in step.mentions.repositories { checkRepository(name) }
            for limit in step.keys.limits where document.limits[limit.name] == nil {
                let known = Array(document.limits.keys)
                report(
                    Finding(
                        "unknown-limit", "no limit is called \(limit.name)", expected: "a name declared under `limits:`", found: limit.name,
                        hint: Finding.nearest(to: limit.name, among: known), at: limit.mark))
            }
            for name in step.mentions.steps { for need in findSteps(name, mayBeSeveral: false) { drafts[index].need(need, .output) } }
            if step.keys.instant, drafts[index].planned.timeout == nil {
                report(
                    Finding(
                        "instant-without-timeout", "\(drafts[index].id) is declared instant, but nothing bounds it",
                        expected: "timeout: 5s",
                        found: "no timeout", hint: "a step in a window must end in time", at: drafts[index].mark))
            }
            if drafts[index].planned.forEach != nil, drafts[index].isQuiesce || drafts[index].isSnapshot {
                report(
                    Finding(
                        "wrong-value", "`\(step.verb.name)` can't be repeated with forEach", expected: "a list of systems",
                        found: "forEach", hint: "write `\(step.verb.name): [a, b]`", at: drafts[index].mark))
            }
        }
    }

    /// A step by its id, a written step by its name, or a bare verb while only one step has it.
    func steps(called name: String) -> [Int] {
        if let exact = drafts.firstIndex(where: { $0.id.rawValue == name }) { return [exact] }
        let group = drafts.indices.filter { drafts[$0].group == name && !drafts[$0].isCompensation }
        if !group.isEmpty { return group }
        return drafts.indices.filter { drafts[$0].planned.verb == name && !drafts[$0].isCompensation }
    }

    mutating func findSteps(_ name: Mentions.Name, mayBeSeveral: Bool) -> [Int] {
        let found = steps(called: name.name)
        let isGroup = Set(found.map { drafts[$0].group }).count == 1
        if found.count == 1 || (mayBeSeveral && isGroup) { return found }
        let ids = drafts.map(\.id.rawValue)
        if found.isEmpty {
            report(
                Finding(
                    "unknown-step", "no step is called \(name.name)", expected: "one of \(ids.joined(separator: ", "))", found: name.name,
                    hint: Finding.nearest(to: name.name, among: ids + Set(drafts.map(\.planned.verb))), at: name.mark))
        } else {
            let choice = found.map { drafts[$0].id.rawValue }.joined(separator: ", ")
            report(
                Finding(
                    "ambiguous-reference", "`\(name.name)` could be several steps", expected: "one of \(choice)", found: name.name,
                    hint: "name one of them by its id", at: name.mark))
        }
        return []
    }

    /// A step whose condition is false has no outputs: whoever uses them must have the same condition.
    mutating func checkRuns(_ source: Int, before user: Int, at mark: SourceMark) {
        guard let condition = drafts[source].planned.when, drafts[user].planned.when != condition, source != user else { return }
        report(
            Finding(
                "may-not-have-run", "\(drafts[user].id) uses \(drafts[source].id), which may not have run",
                expected: "the same `when` on both", found: drafts[user].planned.when.map { "when: \($0)" } ?? "no `when`",
                hint: "give \(drafts[user].id) `when: \"\(condition)\"`", at: mark))
    }
}

extension Draft {
    /// True for one of the copies that one written step became.
    func isFirstOfGroup(in drafts: [Draft], at index: Int) -> Bool {
        index == 0 || drafts[index - 1].mark != mark || drafts[index - 1].group != group
    }
}
