import Basics
import FlowModel

/// What a definition says of its steps, by index instead of by name: made once, and shared by every copy of the run. An expanded fan-out makes it anew.
final class StepWiring: Sendable {
    let position: [StepID: Int]
    let compensations: StepIndices
    /// The compensation of an acquiring step.
    let undo: [Int?]
    /// What a compensation undoes.
    let acquirer: [Int?]
    /// The window of which the step is a member, not one that it closes.
    let memberWindow: [Int?]
    /// The window that the step closes.
    let thawedWindow: [Int?]
    /// What it is after, in the plan's order; nil for what is not there.
    let after: [[Int?]]
    /// The same as a set, where it is large.
    let manyBefore: [Int: StepIndices]
    /// The steps that are after it.
    let followers: [[Int]]
    /// Of each window, as the plan has them.
    let members: [[Int]]
    let thaws: [[Int]]
    /// Everything whose fate a window's own state decides: members, thaws, their undos, and what comes after any of them.
    let reach: [StepIndices]
    /// The members of an expanded fan-out.
    let fanOut: [Int: StepIndices]
    /// The fan-out that a step is a member of.
    let parent: [Int: Int]

    /// So many dependencies are looked at one by one.
    private static let many = 16

    init(_ definition: RunDefinition, _ rows: StepTable) {
        let steps = definition.steps
        var position: [StepID: Int] = [:]
        var undos: [StepID: StepID] = [:]
        for (index, step) in steps.enumerated() {
            position[step.id] = index
            if let undoes = step.undoes { undos[undoes] = step.id }
        }
        var members: [StepID: [Int]] = [:]
        var thaws: [StepID: [Int]] = [:]
        for (number, window) in definition.windows.enumerated() {
            for id in window.members { members[id, default: []].append(number) }
            for id in window.thaws { thaws[id, default: []].append(number) }
        }
        func window(_ step: PlannedStep, _ numbers: [Int]?) -> Int? { numbers?.first { definition.windows[$0].id == step.window } }
        let undo = steps.map { undos[$0.id].flatMap { position[$0] } }
        let after = steps.map { $0.after.map { position[$0.step] } }
        var followers: [[Int]] = Array(repeating: [], count: steps.count)
        var manyBefore: [Int: StepIndices] = [:]
        for (index, targets) in after.enumerated() {
            for case let target? in targets { followers[target].append(index) }
            if targets.count > Self.many, !targets.contains(nil) { manyBefore[index] = StepIndices(targets.compactMap { $0 }) }
        }
        self.position = position
        self.undo = undo
        self.after = after
        self.followers = followers
        self.manyBefore = manyBefore
        compensations = StepIndices(steps.indices.filter { steps[$0].isCompensation })
        acquirer = steps.map { $0.undoes.flatMap { position[$0] } }
        memberWindow = steps.map { $0.isCompensation ? nil : window($0, members[$0.id]) }
        thawedWindow = steps.map { $0.isCompensation ? window($0, thaws[$0.id]) : nil }
        self.members = definition.windows.map { $0.members.compactMap { position[$0] } }
        self.thaws = definition.windows.map { $0.thaws.compactMap { position[$0] } }
        reach = zip(self.members, self.thaws).map { members, thaws in
            var found = StepIndices(members + thaws)
            for index in members + thaws { found.formUnion(StepIndices(followers[index])) }
            for case let undo? in members.map({ undo[$0] }) { found.insert(undo) }
            return found
        }
        var fanOut: [Int: StepIndices] = [:]
        var parent: [Int: Int] = [:]
        for (index, row) in rows.enumerated() {
            guard let members = row.members else { continue }
            let places = members.compactMap { position[$0] }
            fanOut[index] = StepIndices(places)
            for place in places { parent[place] = index }
        }
        self.fanOut = fanOut
        self.parent = parent
    }
}
