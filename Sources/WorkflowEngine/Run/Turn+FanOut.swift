import FlowModel

/// Fan-out over outputs: the step written once waits for its members, and ends as they did.
extension Turn {
    mutating func expand(_ index: Int, into members: [PlannedStep]) {
        if let stop = run.runs[index].stop, stop != .timedOut { return cancelled(index, nil) }
        let id = step(index).id
        closeAttempt(index, .succeeded, nil)
        let new = members.filter { run.position[$0.id] == nil }
        for member in new {
            run.position[member.id] = run.runs.count
            run.definition.steps.append(member)
            run.runs.append(StepRun(id: member.id))
            if let undoes = member.undoes { run.compensations[undoes] = member.id }
            guard let window = run.definition.windows.firstIndex(where: { $0.id == member.window }) else { continue }
            if member.isCompensation {
                run.definition.windows[window].thaws.append(member.id)
            } else {
                run.definition.windows[window].members.append(member.id)
            }
        }
        run.runs[index].state = .waiting
        run.runs[index].members = members.filter { !$0.isCompensation }.map(\.id)
        if !new.isEmpty { actions.append(.added(new)) }
        record(.stepExpanded, step: id, details: ["members": .int(Int64(run.runs[index].members?.count ?? 0))])
    }

    mutating func settleFanOuts() {
        for index in run.runs.indices where run.runs[index].state == .waiting {
            guard let members = run.runs[index].members?.compactMap({ run.position[$0] }),
                members.allSatisfy({ run.runs[$0].state.isTerminal })
            else { continue }
            run.runs[index].outputs = ["items": .array(members.map { .object(run.runs[$0].outputs) })]
            if members.contains(where: { run.runs[$0].state == .cancelled }) {
                end(index, .cancelled)
                record(.stepCancelled, step: step(index).id)
            } else if let failed = members.first(where: { run.runs[$0].state == .failed }) {
                run.runs[index].error = run.runs[failed].error
                end(index, .failed)
                record(.stepFailed, step: step(index).id, details: ["member": .string(step(failed).id.rawValue)])
            } else {
                end(index, .succeeded)
                record(.stepSucceeded, step: step(index).id)
            }
        }
    }

    /// How many more members of each fan-out may become ready.
    func fanOutSlots() -> FanOutSlots {
        let slots = FanOutSlots()
        for index in run.runs.indices where run.runs[index].state == .waiting {
            guard let members = run.runs[index].members, let most = step(index).forEach?.maxParallel else { continue }
            let busy = members.filter { id in run[id].map { [.ready, .running, .waiting].contains($0.state) } ?? false }.count
            slots.add(members, free: max(most, 1) - busy)
        }
        return slots
    }
}

/// Counted down as members are promoted within one turn.
final class FanOutSlots {
    private var group: [StepID: Int] = [:]
    private var free: [Int] = []

    func add(_ members: [StepID], free count: Int) {
        for member in members { group[member] = free.count }
        free.append(count)
    }

    func take(for id: StepID) -> Bool {
        guard let group = group[id] else { return true }
        guard free[group] > 0 else { return false }
        free[group] -= 1
        return true
    }
}
