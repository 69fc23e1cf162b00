import Basics
import Expressions
import FlowModel
import StepKit

/// Steps as written become drafts: ids, subjects, one step for each repository that is copied to, order by place.
extension PipelineCompiler {
    mutating func makeDrafts() {
        _ = addAll(document.steps, above: [])
        addSuffixes()
        var seen: Set<StepID> = []
        for draft in drafts where !seen.insert(draft.id).inserted {
            report(
                Finding(
                    "duplicate-id", "two steps are called \(draft.id)", expected: "an id of its own for each step",
                    found: draft.id.rawValue,
                    hint: "give one of them an `id:`", at: draft.mark))
        }
    }

    /// Adds steps that run one after the other; returns the last ones.
    private mutating func addAll(_ nodes: [WrittenNode], above: [Int]) -> [Int] {
        var last = above
        for node in nodes {
            switch node {
            case .step(let step): last = add(step, order: step.keys.after.map(Draft.Order.named) ?? .above(last))
            case .parallel(let nodes, let after, _):
                let order = after.map(Draft.Order.named) ?? .above(last)
                last = addSide(nodes, order: order)
            }
        }
        return last
    }

    /// Adds steps that run side by side.
    private mutating func addSide(_ nodes: [WrittenNode], order: Draft.Order) -> [Int] {
        nodes.flatMap { node in
            switch node {
            case .step(let step): add(step, order: step.keys.after.map(Draft.Order.named) ?? order)
            case .parallel(let nodes, let after, _): addSide(nodes, order: after.map(Draft.Order.named) ?? order)
            }
        }
    }

    private mutating func add(_ step: WrittenStep, order: Draft.Order) -> [Int] {
        let name = step.keys.id?.name ?? Self.name(step)
        let targets = Self.targets(step)
        if let targets, targets.isEmpty {
            report(
                Finding(
                    "wrong-value", "`to` names no repository", expected: "a repository or a list of them", found: "an empty list",
                    at: step.mark))
        }
        if let targets, Set(targets).count < targets.count {
            report(
                Finding(
                    "wrong-value", "`to` names a repository twice", expected: "each repository once",
                    found: targets.joined(separator: ", "), at: step.mark))
        }
        var indexes: [Int] = []
        for target in targets ?? [nil] as [String?] {
            var planned = PlannedStep(
                id: StepID(name), verb: step.verb.name, contractVersion: step.verb.contractVersion, subject: subject(step),
                settings: step.settings, when: step.keys.when, forEach: step.keys.forEach, timeout: step.keys.timeout,
                retry: step.keys.retry, continueOnError: step.keys.continueOnError, runOn: step.keys.runOn, priority: step.keys.priority,
                workClass: step.verb.workClass)
            if let target { planned.settings["to"] = .string(target) }
            if let targets, targets.count > 1, let target { planned.id = StepID("\(name)-to-\(target)") }
            if planned.timeout == nil, step.verb.waitsFor != nil {
                planned.timeout = step.settings["timeout"].flatMap(TimeSpan.init(setting:))
            }
            indexes.append(drafts.count)
            drafts.append(Draft(planned: planned, verb: step.verb, written: step, group: name, order: order, mark: step.mark))
        }
        return indexes
    }

    /// `verb-subject`
    private static func name(_ step: WrittenStep) -> String {
        let verb = step.verb.name
        switch step.subject {
        case .none: return verb
        case .names(let names): return ([verb] + names.map(\.name)).joined(separator: "-")
        case .snapshot(let text):
            let slug = text.contains("${") ? "" : DocumentName.slug(text)
            return slug.isEmpty ? verb : "\(verb)-\(slug)"
        }
    }

    /// The repositories that it copies to; nil for what does not copy.
    private static func targets(_ step: WrittenStep) -> [String]? {
        guard let type = step.verb.schema["to"]?.type, type.isRepositories, let value = step.settings["to"] else { return nil }
        return value.arrayValue.map { $0.compactMap(\.stringValue) } ?? value.stringValue.map { [$0] }
    }

    /// `copy: home` written twice with different repositories: each gets its `-to`.
    private mutating func addSuffixes() {
        let unnamed = drafts.indices.filter { drafts[$0].written?.keys.id == nil && Self.isCopy(drafts[$0]) }
        for (_, indexes) in Dictionary(grouping: unnamed, by: { drafts[$0].group }) where indexes.count > 1 {
            guard Set(indexes.map { drafts[$0].planned.settings["to"] }).count > 1 else { continue }
            for index in indexes {
                guard let target = drafts[index].planned.settings["to"]?.stringValue else { continue }
                drafts[index].planned.id = StepID("\(drafts[index].group)-to-\(target)")
            }
        }
    }

    private static func isCopy(_ draft: Draft) -> Bool { draft.verb.schema["to"]?.type.isRepositories ?? false }

    /// The subject as far as it is known before the other steps are; `.none` where it is a step.
    private mutating func subject(_ step: WrittenStep) -> Subject {
        switch step.subject {
        case .none: return .none
        case .snapshot(let text): return .snapshot(text)
        case .names(let names):
            switch step.verb.subject {
            case .systems(let capabilities):
                for name in names { checkSystem(name, anyOf: capabilities, for: step.verb.name) }
                if Set(names.map(\.name)).count < names.count, let last = names.last {
                    report(Finding("wrong-value", "a system is named twice", expected: "each once", found: last.name, at: last.mark))
                }
                return .systems(names.map(\.name))
            case .repository:
                guard let name = names.first else { return .none }
                checkRepository(name)
                return .repository(name.name)
            case .copyStepOrRepository, .none, .repositorySnapshot: return .none
            }
        }
    }

    /// Reports a system that is not declared, or that can do none of what is needed; pins the others.
    mutating func checkSystem(_ name: Mentions.Name, anyOf capabilities: [Capability], for verb: String) {
        guard let declared = declaredSystem(name.name) else {
            return reportUndeclared(name, "system", known: Array(document.systems.keys) + Array(set.systems.keys))
        }
        resolve(declared)
        guard let type = catalog.system(declared.type), !capabilities.isEmpty else { return }
        guard type.capabilities.isDisjoint(with: capabilities) else {
            return checkPrograms(declared, type, capabilities.filter(type.capabilities.contains), verb, at: name)
        }
        let able = catalog.systems.filter { !$0.capabilities.isDisjoint(with: capabilities) }.map(\.name).sorted()
        report(
            Finding(
                "missing-capability", "`\(verb)` can't act on \(name.name): a system of type \(declared.type) is not able to",
                expected: "a system with \(capabilities.map(\.rawValue).joined(separator: " or "))",
                found: "\(declared.type) with \(type.capabilities.sorted().map(\.rawValue).joined(separator: ", "))",
                hint: able.isEmpty ? "" : "types that can: \(able.joined(separator: ", "))", at: name.mark))
    }

    /// Reports a system whose type could, while the settings for it are not there: one of the capabilities suffices.
    private mutating func checkPrograms(
        _ declared: DeclaredSystem, _ type: any SystemType, _ capabilities: [Capability], _ verb: String, at name: Mentions.Name
    ) {
        let missing = capabilities.map { type.settings(neededFor: $0).filter { declared.settings[$0] == nil } }
        guard let first = missing.first, missing.allSatisfy({ !$0.isEmpty }) else { return }
        let names = first.map { "`\($0):`" }.joined(separator: " and ")
        report(
            Finding(
                "missing-capability", "`\(verb)` can't act on \(name.name): the system does not say how",
                expected: "a system of type \(declared.type) with \(names)", found: "one without",
                hint: "add \(names) to system \(name.name)", at: name.mark))
    }

    mutating func checkRepository(_ name: Mentions.Name) {
        guard let declared = declaredRepository(name.name) else {
            return reportUndeclared(name, "repository", known: Array(document.repositories.keys) + Array(set.repositories.keys))
        }
        resolve(declared)
    }

    private mutating func reportUndeclared(_ name: Mentions.Name, _ kind: String, known: [String]) {
        guard !document.brokenNames.contains(name.name), !set.brokenNames.contains(name.name) else { return }
        let plural = kind == "system" ? "systems" : "repositories"
        report(
            Finding(
                "unknown-\(kind)", "no \(kind) is called \(name.name)",
                expected: known.isEmpty ? "a name declared under `\(plural):`" : "one of \(known.sorted().joined(separator: ", "))",
                found: name.name, hint: Finding.nearest(to: name.name, among: known), at: name.mark))
    }
}

extension SettingType {
    /// The name of a repository, or several.
    var isRepositories: Bool {
        switch self {
        case .repositoryName: true
        case .list(let element): element.isRepositories
        case .either(let types): types.allSatisfy(\.isRepositories)
        default: false
        }
    }
}
