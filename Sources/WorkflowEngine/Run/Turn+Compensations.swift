import FlowModel
import Basics
import StepKit

/// Undos: armed when the acquiring step starts, run once for each armed resource after the steps that they guard, retried without end.
extension Turn {
    /// After so many failures in a row somebody must look.
    static let alarmAfter = 3

    mutating func arm(forStepAt index: Int, by claimant: Claimant?) {
        guard let undo = compensation(of: index), run.runs[undo].armed == nil else { return }
        run.job.armedCount += 1
        run.runs[undo].generation += 1
        let generation = run.runs[undo].generation
        run.runs[undo].armed = ArmedResource(
            generation: generation, order: run.job.armedCount, armedAt: now,
            host: claimant.flatMap { $0.acquiresOnHost && !run.defects.contains(.undoAnywhere) ? $0.host : nil })
        run.runs[undo].state = .pending
        run.runs[undo].failures = 0
        run.runs[index].generation = generation
        actions.append(.armed(step(undo).id, generation: generation))
        record(.armed, step: step(undo).id, details: ["generation": .int(Int64(generation))])
    }

    mutating func disarm(_ undo: Int) {
        guard let armed = run.runs[undo].armed else { return }
        run.runs[undo].armed = nil
        actions.append(.disarmed(step(undo).id, generation: armed.generation))
    }

    mutating func recordUndo(_ index: Int, _ state: [String: JSONValue]) {
        let owner = step(index).isCompensation ? index : compensation(of: index)
        guard let owner, run.runs[owner].armed != nil else { return }
        run.runs[owner].armed?.state.merge(state) { _, new in new }
    }

    mutating func settleCompensations(_ affected: StepIndices) {
        let affected = affected.intersection(run.wiring.compensations)
        for index in affected.intersection(run.runs.pending) {
            guard let acquirer = run.wiring.acquirer[index] else { continue }
            guard let armed = run.runs[index].armed else {
                let discarding = memberWindow(acquirer).map { run.windowRuns[$0].phase == .discarding } ?? false
                guard run.runs[acquirer].state.isTerminal, !discarding else { continue }
                let former = run.runs[index].skipped
                run.runs[index].skipped = former == .keptAsBase || former == .abandoned ? former : .neverArmed
                end(index, .skipped)
                continue
            }
            guard mayUndo(index, acquirer: acquirer, armed) else { continue }
            if armed.owesNothing {
                disarm(index)
                run.runs[index].skipped = .keptAsBase
                end(index, .skipped)
                record(.keptAsBase, step: step(index).id)
                continue
            }
            run.runs[index].state = .ready
            record(.stepReady, step: step(index).id)
        }
        for index in affected.intersection(run.runs.ready) {
            bind(index, to: thawedWindow(index).flatMap { run.windowRuns[$0].worker }, on: run.runs[index].armed?.host)
        }
    }

    private func mayUndo(_ index: Int, acquirer: Int, _ armed: ArmedResource) -> Bool {
        let acquiring = run.runs[acquirer].state == .running
        if armed.early && acquiring { return false }
        if let window = memberWindow(acquirer) {
            let row = run.windowRuns[window]
            if thawedWindow(index) == window {
                guard laterThawsAreDone(window, before: index, armed) else { return false }
                if row.holdPassed { return true }
            } else if isFrozen(window) {
                // Deleting what lies on something frozen would hang.
                return false
            }
            if row.phase == .discarding { return members(ofWindow: window).allSatisfy { run.runs[$0].state != .running } }
        }
        guard run.runs[acquirer].state.isTerminal else { return false }
        return run.defects.contains(.undoTooEarly) || step(index).after.allSatisfy { hasEndedOrGivenWay($0.step) }
    }

    /// An undo that keeps failing does not hold up the others for ever.
    private func hasEndedOrGivenWay(_ id: StepID) -> Bool {
        guard let index = run.position[id] else { return true }
        if run.runs[index].state.isTerminal { return true }
        return step(index).isCompensation && run.runs[index].failures >= Self.alarmAfter
    }

    /// Thaws of one window run in reverse order of arming where their quiesces depend on each other.
    private func laterThawsAreDone(_ window: Int, before index: Int, _ armed: ArmedResource) -> Bool {
        guard let quiesce = step(index).undoes else { return true }
        return run.definition.windows[window].thaws.allSatisfy { id in
            guard let other = run.position[id], other != index, let resource = run.runs[other].armed, resource.order > armed.order,
                run.runs[other].failures < Self.alarmAfter, let later = step(other).undoes
            else { return true }
            return !depends(later, on: quiesce)
        }
    }

    private func depends(_ id: StepID, on target: StepID) -> Bool {
        var open = [id]
        var seen: Set<StepID> = [id]
        while let next = open.popLast() {
            for dependency in run.planned(next)?.after ?? [] where seen.insert(dependency.step).inserted {
                if dependency.step == target { return true }
                open.append(dependency.step)
            }
        }
        return false
    }

    /// The undo succeeded. When the acquiring step was still running as it began, its effect may have come after: once more, later.
    mutating func undone(_ index: Int) {
        let id = step(index).id
        run.runs[index].failures = 0
        guard let armed = run.runs[index].armed else { return end(index, .succeeded) }
        if armed.early {
            run.runs[index].state = .pending
            record(.undone, step: id, details: ["early": true])
            return
        }
        disarm(index)
        end(index, .succeeded)
        for base in armed.former { actions.append(.baseReleased(base)) }
        record(.undone, step: id, details: ["generation": .int(Int64(armed.generation))])
    }

    mutating func undoFailed(_ index: Int, _ failure: Explanation) {
        let policy = step(index).retry.attempts == 0 ? step(index).retry : .withoutEnd
        run.runs[index].state = .ready
        run.runs[index].notBefore =
            now + max(policy.delay(afterAttempt: run.runs[index].failures, random: random), failure.retryAfter ?? .milliseconds(0))
        record(
            .undoFailed, step: step(index).id, details: ["error": .string(failure.description)],
            isAlarm: run.runs[index].failures == Self.alarmAfter)
    }

    /// A person gives up undos that can't succeed: a system that is gone for good, a right that is not coming back. What they should have undone
    /// stays as it is outside, and the job says so for as long as it is known.
    mutating func abandon(_ id: StepID?, by person: String) -> Refusal? {
        guard id.map({ run.position[$0] != nil }) ?? true else { return .unknownStep }
        guard run.job.outcome != nil else { return .stillWorking }
        let owed = run.runs.armed.filter { id == nil || step($0).id == id || step($0).undoes == id }
        guard !owed.isEmpty else { return .nothingToDo }
        for index in owed {
            guard let armed = run.runs[index].armed else { continue }
            if run.runs[index].state == .running {
                tellToStop(index, .cancelled)
                closeAttempt(index, .cancelled, nil)
            }
            disarm(index)
            run.runs[index].skipped = .abandoned
            end(index, .skipped)
            for base in armed.former { actions.append(.baseReleased(base)) }
            record(
                .abandoned, step: step(index).id,
                details: [
                    "by": .string(person), "generation": .int(Int64(armed.generation)), "state": .object(armed.state),
                    "error": run.runs[index].error.map { .string($0.description) } ?? .null,
                ], isAlarm: true)
        }
        return nil
    }

    /// A copied system snapshot lives on as a base: its release is disarmed, and what it replaces is released instead.
    mutating func keepBases(_ bases: [Base], former: [Base]) {
        for base in bases {
            actions.append(.baseRecorded(base))
            guard let acquirer = run.position[base.acquiredBy], let undo = compensation(of: acquirer), run.runs[undo].armed != nil else {
                continue
            }
            run.runs[undo].armed?.kept.insert(base.snapshot.key)
            run.runs[undo].armed?.former += former.filter {
                $0.systemIdentity == base.systemIdentity && $0.repositoryID == base.repositoryID
            }
            // Of several systems others may not be bases; and what only readers needed is given back by the undo.
            if step(acquirer).systems.count <= 1, base.retires != true { run.runs[undo].armed?.owesOwn = false }
        }
    }
}
