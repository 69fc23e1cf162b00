import Basics
import FlowModel

/// Fan-out over outputs: the step written once waits for its members, and ends as they did.
extension Turn {
    mutating func expand(_ index: Int, into members: [PlannedStep]) {
        if let stop = run.runs[index].stop, stop != .timedOut { return cancelled(index, nil) }
        let id = step(index).id
        closeAttempt(index, .succeeded, nil)
        let new = members.filter { run.position[$0.id] == nil }
        for member in new {
            run.definition.steps.append(member)
            run.runs.append(StepRun(id: member.id))
            guard let window = run.definition.windows.firstIndex(where: { $0.id == member.window }) else { continue }
            if member.isCompensation {
                run.definition.windows[window].thaws.append(member.id)
            } else {
                run.definition.windows[window].members.append(member.id)
            }
        }
        run.runs[index].state = .waiting
        run.runs[index].members = members.filter { !$0.isCompensation }.map(\.id)
        run.rewire()
        if !new.isEmpty { actions.append(.added(new)) }
        record(.stepExpanded, step: id, details: ["members": .int(Int64(run.runs[index].members?.count ?? 0))])
    }

    mutating func settleFanOuts() {
        for index in run.runs.waiting {
            guard let group = run.wiring.fanOut[index], group.isDisjoint(with: run.runs.open),
                let members = run.runs[index].members?.compactMap({ run.position[$0] })
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
        for index in run.runs.waiting where run.runs[index].members != nil {
            guard let group = run.wiring.fanOut[index], let most = run.definition.steps[index].forEach?.maxParallel else { continue }
            slots.add(index, free: max(most, 1) - group.intersection(run.runs.open.subtracting(run.runs.pending)).count)
        }
        return slots
    }
}

/// Counted down as members are promoted within one turn.
final class FanOutSlots {
    private var free: [Int: Int] = [:]

    func add(_ parent: Int, free count: Int) { free[parent] = count }

    /// `parent`: the fan-out that the step is a member of.
    func take(for parent: Int?) -> Bool {
        guard let parent, let left = free[parent] else { return true }
        guard left > 0 else { return false }
        free[parent] = left - 1
        return true
    }
}
