import Basics
import FlowModel
import StepKit

/// What each step opens, holds and must be able to read; the same for its undo.
extension PipelineCompiler {
    mutating func fillNeeds() {
        for index in drafts.indices where !drafts[index].isCompensation {
            let names = openedSystems(index)
            let stores = openedRepositories(index)
            drafts[index].planned.systems = names
            drafts[index].planned.repositories = stores
            drafts[index].planned.secrets = secrets(index, names, stores)
            drafts[index].planned.holds = holds(index, stores)
            guard let undo = drafts[index].planned.undoneBy, let at = drafts.firstIndex(where: { $0.id == undo }) else { continue }
            drafts[at].planned.systems = names
            drafts[at].planned.repositories = stores
            drafts[at].planned.secrets = drafts[index].planned.secrets
        }
    }

    private func copyBehind(_ index: Int) -> Draft? {
        guard case .step(let id) = drafts[index].planned.subject else { return nil }
        return drafts.first { $0.id == id }
    }

    private func openedSystems(_ index: Int) -> [String] {
        var names = drafts[index].subjectSystems + (drafts[index].written?.mentions.systems.map(\.name) ?? [])
        // A check of a restored copy is done by the system's own type.
        if drafts[index].planned.undoneBy != nil, let copy = copyBehind(index) { names += copy.subjectSystems }
        // So is what a thaw adds to a copy.
        for (need, reason) in drafts[index].needs where reason == .window && drafts[need].isCompensation {
            names += drafts[need].subjectSystems
        }
        return Set(names).filter { systems[$0] != nil }.sorted()
    }

    private func openedRepositories(_ index: Int) -> [String] {
        var names: [String] = []
        if case .repository(let name) = drafts[index].planned.subject { names.append(name) }
        if let copy = copyBehind(index) { names += targets(copy) }
        if PipelineCompiler.copies(drafts[index]) {
            names += targets(drafts[index])
        } else {
            names += drafts[index].written?.mentions.repositories.map(\.name) ?? []
        }
        names += names.compactMap { repositories[$0]?.mirror }
        return Set(names).filter { repositories[$0] != nil }.sorted()
    }

    private func targets(_ draft: Draft) -> [String] { draft.planned.settings["to"]?.stringValue.map { [$0] } ?? [] }

    private func secrets(_ index: Int, _ names: [String], _ stores: [String]) -> [SecretReference] {
        var found = drafts[index].written?.mentions.secrets ?? []
        for name in names { found += declaredSystem(name)?.mentions.secrets ?? [] }
        for name in stores {
            found += declaredRepository(name)?.mentions.secrets ?? []
            if let password = repositories[name]?.password { found.append(password) }
        }
        return Set(found).sorted { $0.description < $1.description }
    }

    private func holds(_ index: Int, _ stores: [String]) -> [Hold] {
        var modes: [String: Hold.Mode] = [:]
        func hold(_ resource: String, _ mode: Hold.Mode) { if modes[resource] != .exclusive { modes[resource] = mode } }
        if let mode = drafts[index].verb.holdsSystems {
            let named = drafts[index].subjectSystems + (drafts[index].written?.mentions.systems.map(\.name) ?? [])
            for name in named { if let system = systems[name] { hold("system/\(system.identity)", mode) } }
        }
        if let mode = drafts[index].verb.holdsRepositories {
            for name in stores { if let store = repositories[name] { hold("repository/\(store.identity)", mode) } }
        }
        if drafts[index].verb.holdsParents {
            for name in drafts[index].subjectSystems {
                guard let system = systems[name] else { continue }
                for store in stores {
                    if let store = repositories[store] { hold(Hold.parent(system.identity, in: store.identity), .exclusive) }
                }
            }
        }
        for limit in drafts[index].written?.keys.limits ?? [] { hold("limit/\(limit.name)", .counted) }
        return modes.map { Hold(resource: $0.key, mode: $0.value) }.sorted { $0.resource < $1.resource }
    }

    mutating func warnOfUnused() {
        let usedSystems = Set(drafts.flatMap(\.planned.systems))
        let usedStores = Set(drafts.flatMap(\.planned.repositories))
        for system in document.systems.values.sorted(by: { $0.mark < $1.mark }) where !usedSystems.contains(system.name) {
            report(
                Finding(
                    "unused", "no step uses system \(system.name)", expected: "a step that names it", found: "none", isWarning: true,
                    at: system.mark))
        }
        for store in document.repositories.values.sorted(by: { $0.mark < $1.mark }) where !usedStores.contains(store.name) {
            report(
                Finding(
                    "unused", "no step uses repository \(store.name)", expected: "a step that names it", found: "none", isWarning: true,
                    at: store.mark))
        }
        warnOfUnused("limit", in: "limits", document.limits.keys.filter { !usedLimits.contains($0) }) { "a step with `limits: [\($0)]`" }
        warnOfUnused("parameter", in: "parameters", document.parameters.keys.filter { !usedParameters.contains($0) }) {
            "`${parameters.\($0)}` in a step, a system or a repository"
        }
    }

    private var usedLimits: Set<String> { Set(drafts.flatMap { $0.written?.keys.limits.map(\.name) ?? [] }) }

    private mutating func warnOfUnused(_ kind: String, in section: String, _ names: [String], expected: (String) -> String) {
        for name in names.sorted() {
            report(
                Finding(
                    "unused", "nothing uses \(kind) \(name)", expected: expected(name), found: "none", isWarning: true,
                    at: document.places["\(section).\(name)"] ?? document.mark))
        }
    }
}

extension Hold {
    /// The right to continue what a repository has of a system.
    static func parent(_ system: String, in repository: String) -> String { "parent/\(repository)/of/\(system)" }
}
