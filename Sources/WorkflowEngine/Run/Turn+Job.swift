import Basics
import FlowModel

/// The job as a whole: cancelled, out of time, ended.
extension Turn {
    /// Cancel or deadline: nothing further starts, running bodies are told to stop, undos run.
    mutating func stopJob(_ reason: StopReason, by person: String?) -> Refusal? {
        guard run.job.outcome == nil, run.job.stopping == nil else { return .nothingToDo }
        run.job.stopping = reason
        run.job.stoppedBy = person
        run.isUnsettled = true
        record(reason == .cancelled ? .jobCancelled : .jobDeadlinePassed, details: ["by": person.map { .string($0) } ?? .null])
        for window in run.windowRuns.indices where [.open, .discarding].contains(run.windowRuns[window].phase) {
            run.windowRuns[window].phase = .broken
        }
        for index in run.runs.indices {
            guard !step(index).isCompensation else {
                if run.defects.contains(.cancelUndo), !run.runs[index].state.isTerminal, run.runs[index].state != .running {
                    disarm(index)
                    end(index, .cancelled)
                }
                continue
            }
            switch run.runs[index].state {
            case .pending, .ready:
                end(index, .cancelled)
                record(.stepCancelled, step: step(index).id)
            case .waiting where run.runs[index].members == nil:
                end(index, .cancelled)
                record(.stepCancelled, step: step(index).id)
            case .running: tellToStop(index, reason)
            case .waiting, .succeeded, .failed, .skipped, .cancelled: break
            }
        }
        return nil
    }

    mutating func tellToStop(_ index: Int, _ reason: StopReason) {
        run.runs[index].stop = reason
        actions.append(.stopBody(step(index).id, token: run.runs[index].token, reason))
    }

    mutating func tick() -> Refusal? {
        let now = self.now
        for index in run.runs.running.union(run.runs.waiting) where run.runs[index].deadline.map({ $0 <= now }) ?? false {
            switch run.runs[index].state {
            case .running where run.runs[index].stop == nil: tellToStop(index, .timedOut)
            case .waiting: failForGood(index, .timedOut(step(index)))
            default: break
            }
        }
        if let deadline = run.job.deadline, deadline <= now { _ = stopJob(.deadline, by: nil) }
        return nil
    }

    mutating func settleJob() {
        settleCleanup()
        guard run.job.endedAt == nil else { return }
        let undos = run.wiring.compensations
        if run.job.outcome == nil, run.runs.open.subtracting(undos).isEmpty {
            run.job.outcome = outcome(of: run.runs.indices.filter { !undos.contains($0) })
        }
        guard let outcome = run.job.outcome else { return }
        guard run.runs.open.isDisjoint(with: undos) || run.defects.contains(.endBeforeUndone) else { return }
        run.job.endedAt = now
        record(.jobEnded, details: ["outcome": .string(outcome.rawValue), "cleanup": .string(run.job.cleanup.rawValue)])
    }

    private mutating func settleCleanup() {
        let owed = run.runs.armed.map { run.runs[$0] }
        let old = run.job.cleanup
        let settled: CleanupState = run.runs.abandoned.isEmpty ? .clean : .abandoned
        let new: CleanupState = owed.isEmpty ? settled : owed.contains { $0.failures >= Self.alarmAfter } ? .failed : .pending
        guard new != old else { return }
        run.job.cleanup = new
        if new == .failed {
            let held = owed.filter { $0.failures >= Self.alarmAfter }.map { JSONValue.string($0.id.rawValue) }
            record(.cleanupFailed, details: ["held": .array(held)], isAlarm: true)
        } else if old == .failed, !actions.contains(where: { if case .event(let entry) = $0 { entry.kind == .abandoned } else { false } }) {
            record(.cleanupRecovered)
        }
    }

    private func outcome(of works: [Int]) -> JobOutcome {
        let rows = works.map { (step: step($0), row: run.runs[$0]) }
        if rows.contains(where: { $0.row.state == .cancelled }) { return run.job.stopping == .deadline ? .failed : .cancelled }
        if rows.contains(where: { ($0.row.state == .failed && !$0.step.continueOnError) || $0.row.skipped == .upstream }) { return .failed }
        let missed = rows.contains { $0.row.state == .failed || $0.row.skipped == .upstreamTolerated || !$0.row.missed.isEmpty }
        return missed ? .partial : .succeeded
    }
}
