import Basics
import FlowModel
import StepKit

/// Windows: a quiesce holds until every snapshot below it, reached through quiesce, snapshot and instant steps alone, is done.
extension PipelineCompiler {
    /// The snapshots that a quiesce is for, and the quick steps between.
    func frozen(by quiesce: Int, _ graph: StepGraph) -> Set<Int> {
        let isQuick = { (index: Int) in self.drafts[index].isQuick }
        let below = graph.descendants(of: quiesce, through: isQuick)
        let snapshots = below.filter { drafts[$0].isSnapshot }
        let before = snapshots.map { graph.ancestors(of: $0, through: isQuick) }.reduce(into: Set<Int>()) { $0.formUnion($1) }
        return below.intersection(before).union(snapshots)
    }

    /// False when an error was found that leaves no window to go on with.
    mutating func formWindows() -> Bool {
        let graph = StepGraph(drafts)
        let quiesces = drafts.indices.filter { drafts[$0].isQuiesce }
        var groups: [(quiesces: [Int], members: Set<Int>)] = []
        var isGood = true
        for quiesce in quiesces {
            var members = frozen(by: quiesce, graph)
            guard members.contains(where: { drafts[$0].isSnapshot }) else {
                reportNoSnapshot(quiesce, graph)
                isGood = false
                continue
            }
            members.insert(quiesce)
            var merged = (quiesces: [quiesce], members: members)
            for group in groups where !group.members.isDisjoint(with: merged.members) {
                merged.quiesces = group.quiesces + merged.quiesces
                merged.members.formUnion(group.members)
            }
            groups.removeAll { !$0.members.isDisjoint(with: merged.members) }
            groups.append(merged)
        }
        for group in groups { isGood = form(group.quiesces.sorted(), group.members, graph) && isGood }
        return isGood
    }

    private mutating func reportNoSnapshot(_ quiesce: Int, _ graph: StepGraph) {
        let id = drafts[quiesce].id
        let below = graph.descendants(of: quiesce)
        guard let snapshot = below.filter({ drafts[$0].isSnapshot }).min(),
            let slow = graph.ancestors(of: snapshot).intersection(below).filter({ !drafts[$0].isQuick }).min()
        else {
            return report(
                Finding(
                    "quiesce-without-snapshot", "\(id) freezes, but no snapshot is taken while it holds",
                    expected: "a `snapshot:` below it",
                    found: "none", hint: "add `- snapshot: SYSTEM` right below, or remove the quiesce", at: drafts[quiesce].mark))
        }
        reportSlow(slow, while: id, before: drafts[snapshot].id)
    }

    private mutating func reportSlow(_ slow: Int, while quiesce: StepID, before snapshot: StepID) {
        let draft = drafts[slow]
        let hint =
            draft.verb.windowRole == .instantWhenDeclared
            ? "declare it `instant: true` with a `timeout`, or move it below the snapshots"
            : "move it above \(quiesce) or below the snapshots"
        report(
            Finding(
                "slow-in-window", "\(draft.id) would run while \(quiesce) keeps its systems frozen",
                expected: "only quiesce, snapshot and instant steps before \(snapshot)", found: "`\(draft.planned.verb)`", hint: hint,
                at: draft.mark))
    }

    private mutating func form(_ quiesces: [Int], _ members: Set<Int>, _ graph: StepGraph) -> Bool {
        let sorted = members.sorted()
        let first = drafts[quiesces[0]]
        let id = Self.windowID(first)
        let below = quiesces.map { graph.descendants(of: $0) }.reduce(into: Set<Int>()) { $0.formUnion($1) }
        var outside: Set<Int> = []
        for member in sorted {
            for need in drafts[member].needs.keys.sorted() where !members.contains(need) {
                if below.contains(need) {
                    reportSlow(need, while: first.id, before: drafts[member].id)
                    return false
                }
                outside.insert(need)
            }
        }
        // Nothing is frozen while something outside is waited for.
        for member in sorted where drafts[member].needs.keys.allSatisfy({ !members.contains($0) }) {
            for need in outside { drafts[member].need(need, .order) }
        }
        checkCosts(sorted.filter { drafts[$0].isSnapshot })
        let maxHold = hold(quiesces, sorted)
        let runOn = mergedLabels(sorted)
        for member in sorted {
            drafts[member].planned.window = id
            drafts[member].planned.workClass = .window
            drafts[member].planned.runOn = runOn
        }
        let thaws = quiesces.reversed().compactMap { drafts[$0].planned.undoneBy }
        for index in drafts.indices {
            if thaws.contains(drafts[index].id) { drafts[index].planned.window = id }
            if let undoes = drafts[index].planned.undoes, sorted.contains(where: { drafts[$0].id == undoes }) {
                drafts[index].planned.runOn = runOn
            }
        }
        sealBefore(sorted, completing: quiesces.filter(completesCopies).compactMap { drafts[$0].planned.undoneBy })
        windows.append(PlannedWindow(id: id, members: memberOrder(sorted), thaws: thaws, maxHold: maxHold))
        return true
    }

    private static func windowID(_ quiesce: Draft) -> String {
        let prefix = quiesce.planned.verb + "-"
        let id = quiesce.id.rawValue
        return "window-" + (id.hasPrefix(prefix) ? String(id.dropFirst(prefix.count)) : id)
    }

    private func memberOrder(_ members: [Int]) -> [StepID] {
        StepGraph(drafts).order { drafts[$0].isCompensation }.filter(members.contains).map { drafts[$0].id }
    }

    private func completesCopies(_ quiesce: Int) -> Bool {
        drafts[quiesce].subjectSystems.contains { systems[$0].flatMap { catalog.system($0.type) }?.thawCompletesCopies ?? false }
    }

    /// What comes after a member comes after all snapshots of the window: a copy of half a window is worth nothing. A copy
    /// comes after those thaws too that return a part of it.
    private mutating func sealBefore(_ members: [Int], completing thaws: [StepID]) {
        let snapshots = members.filter { drafts[$0].isSnapshot }
        for index in drafts.indices where !members.contains(index) && !drafts[index].isCompensation {
            guard drafts[index].needs.keys.contains(where: members.contains) else { continue }
            for snapshot in snapshots { drafts[index].need(snapshot, .window) }
            guard !drafts[index].planned.snapshots.isEmpty else { continue }
            for thaw in drafts.indices where thaws.contains(drafts[thaw].id) { drafts[index].need(thaw, .window) }
        }
    }

    /// The strictest hold of its quiesces. Writes the plug-ins' own defaults out.
    private mutating func hold(_ quiesces: [Int], _ members: [Int]) -> TimeSpan {
        var strictest: TimeSpan?
        for quiesce in quiesces {
            let own = drafts[quiesce].planned.settings["maxHold"].flatMap(TimeSpan.init(setting:))
            if let own, own.milliseconds <= 0 { report(.noTime("step \(drafts[quiesce].id): maxHold", at: drafts[quiesce].mark)) }
            let defaults = drafts[quiesce].subjectSystems.compactMap { systems[$0].flatMap { catalog.system($0.type)?.defaultMaxHold } }
            let hold = own ?? defaults.min() ?? .seconds(30)
            drafts[quiesce].planned.settings["maxHold"] = hold.settingJSON
            if let undo = drafts[quiesce].planned.undoneBy, let at = drafts.firstIndex(where: { $0.id == undo }) {
                drafts[at].planned.settings["maxHold"] = hold.settingJSON
            }
            strictest = min(strictest ?? hold, hold)
        }
        let maxHold = strictest ?? .seconds(30)
        for member in members where drafts[member].verb.windowRole == .instantWhenDeclared {
            guard let timeout = drafts[member].planned.timeout, timeout >= maxHold else { continue }
            report(
                Finding(
                    "slow-in-window", "\(drafts[member].id) may take as long as the freeze may last",
                    expected: "a timeout below \(maxHold)",
                    found: timeout.description, hint: "lower its timeout or raise maxHold", at: drafts[member].mark))
        }
        return maxHold
    }

    private mutating func checkCosts(_ snapshots: [Int]) {
        for snapshot in snapshots {
            for name in drafts[snapshot].subjectSystems {
                guard let system = systems[name], let type = catalog.system(system.type), JobDefinition.isOpen(system.settings) == false
                else {
                    continue
                }
                guard (try? type.snapshotCost(Settings(system.settings, origin: "system \(name)"))) == .slow else { continue }
                let hint =
                    type.schema["staging"] == nil ? "take it out of the window" : "give system \(name) a bound such as `staging: 64MiB`"
                report(
                    Finding(
                        "slow-in-window", "\(drafts[snapshot].id) would keep its systems frozen for too long",
                        expected: "a snapshot that is instant, or a staging copy bounded in size",
                        found: "\(system.type) without such a snapshot", hint: hint, at: drafts[snapshot].mark))
            }
        }
    }

    /// One worker claims a window whole: it must have the labels of every member.
    private mutating func mergedLabels(_ members: [Int]) -> [String: String] {
        var merged: [String: String] = [:]
        for member in members {
            for (label, value) in drafts[member].planned.runOn {
                if let other = merged[label], other != value {
                    report(
                        Finding(
                            "wrong-value", "one worker runs the whole window, and none has \(label) twice", expected: "\(label): \(other)",
                            found: "\(label): \(value)", hint: "give every step of the window the same `runOn`", at: drafts[member].mark))
                }
                merged[label] = value
            }
        }
        return merged
    }
}
