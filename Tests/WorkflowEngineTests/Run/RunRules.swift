import Basics
import FlowModel

@testable import WorkflowEngine

/// The rules that hold after every event, whatever happened.
enum RunRules {
    static func check(before: JobRun, after: JobRun, event: RunEvent, world: SimulatedWorld) throws {
        try checkTokens(before: before, after: after)
        try checkTerminal(before: before, after: after)
        try checkHeld(after: after, world: world)
        try checkEnd(before: before, after: after, world: world)
        for row in after.steps where row.state == .ready || row.state == .running {
            guard let step = after.planned(row.id), !step.isCompensation else { continue }
            guard before[row.id]?.state != row.state else { continue }
            for dependency in step.after {
                guard let state = after[dependency.step]?.state, state.isTerminal else {
                    throw Violation("\(row.id) is \(row.state) before \(dependency.step) has ended")
                }
            }
        }
    }

    private static func checkTokens(before: JobRun, after: JobRun) throws {
        var live: Set<Int64> = []
        for row in after.steps {
            guard row.token <= after.job.lastToken else { throw Violation("token from nowhere: \(row)") }
            if row.state == .running, !live.insert(row.token).inserted { throw Violation("two steps share token \(row.token)") }
            if let old = before[row.id], row.token < old.token { throw Violation("the token of \(row.id) went back") }
            if (row.state == .running) != (row.worker != nil) {
                throw Violation("\(row.id) is \(row.state) with worker \(row.worker as Any)")
            }
        }
    }

    private static func checkTerminal(before: JobRun, after: JobRun) throws {
        guard before.job.round == after.job.round else { return }
        if let outcome = before.job.outcome, after.job.outcome != outcome { throw Violation("the outcome changed from \(outcome)") }
        for old in before.steps where old.state.isTerminal {
            guard let new = after[old.id], new.state != old.state, let step = after.planned(old.id) else { continue }
            let acquirer = step.undoes ?? old.id
            let window = after.definition.windows.first { $0.members.contains(acquirer) }
            if let window, let phase = before.window(window.id)?.phase, phase == .open || phase == .discarding { continue }
            throw Violation("\(old.id) went from \(old.state) to \(new.state)")
        }
    }

    /// What is held outside is owed inside, at every moment: armed before it was done, owed until it was undone.
    private static func checkHeld(after: JobRun, world: SimulatedWorld) throws {
        for resource in world.held {
            guard let undo = after.planned(resource.step)?.undoneBy, let armed = after[undo]?.armed else {
                throw Violation("\(resource) is held and nobody owes its undo")
            }
            guard armed.generation == resource.generation else {
                throw Violation("\(resource) is held, owed is generation \(armed.generation)")
            }
        }
    }

    private static func checkEnd(before: JobRun, after: JobRun, world: SimulatedWorld) throws {
        for (round, count) in world.ends where count != 1 { throw Violation("round \(round) ended \(count) times") }
        guard after.hasEnded else { return }
        let gaveUp = after.steps.contains { $0.skipped == .abandoned }
        guard after.armed.isEmpty, after.job.cleanup == (gaveUp ? .abandoned : .clean) else {
            throw Violation("ended while undos are owed")
        }
        guard world.held.isEmpty else { throw Violation("ended while \(world.held) is held") }
        guard after.steps.allSatisfy({ $0.state.isTerminal }) else { throw Violation("ended before its steps") }
        guard !world.bodies.contains(where: { world.isLive($0) }) else { throw Violation("ended while bodies run") }
    }

    static func checkStart(of step: PlannedStep, on host: String, before: JobRun, after: JobRun, world: SimulatedWorld) throws {
        if let acquirer = step.undoes {
            let window = after.definition.windows.first { $0.members.contains(acquirer) }
            let phase = window.flatMap { before.window($0.id) }
            let discarding = phase?.phase == .discarding
            let isThaw = step.window != nil
            if isThaw, phase?.holdPassed == true { return }
            for guarded in step.after {
                let isUndo = after.planned(guarded.step)?.isCompensation ?? false
                let isOver =
                    after[guarded.step].map {
                        $0.state.isTerminal || (discarding && $0.state != .running) || (isUndo && $0.failures >= Turn.alarmAfter)
                    } ?? false
                guard isOver else { throw Violation("\(step.id) starts while \(guarded.step) is \(after[guarded.step]?.state as Any)") }
            }
            return
        }
        guard let snapshot = world.plan.reads[step.id] else { return }
        let resource = world.held.first { $0.step == snapshot }
        if after[snapshot]?.skipped == .condition { return }
        guard let resource else { throw Violation("\(step.id) starts and its snapshot \(snapshot) is gone") }
        guard !world.bad.contains(resource) else { throw Violation("\(step.id) reads a void snapshot") }
        if let place = world.places[resource], place != host {
            throw Violation("\(step.id) starts on \(host), and reads what \(place) has")
        }
    }
}
