import Basics
import FlowModel
import StepKit

/// The life of an attempt: started, then ended in one of its ways. Every one leaves a row.
extension Turn {
    mutating func start(_ id: StepID, by claimant: Claimant) -> Refusal? {
        guard let index = run.position[id] else { return .unknownStep }
        let now = self.now
        let step = step(index)
        let row = run.runs[index]
        guard row.state == .ready, (row.notBefore ?? now) <= now else { return .notReady }
        guard row.boundHost == nil || row.boundHost == claimant.host else { return .notReady }
        if let window = memberWindow(index) {
            guard mayStart(inWindow: window, claimant) else { return .notReady }
            openWindow(window, by: claimant)
        }
        if let window = thawedWindow(index), let owner = run.windowRuns[window].worker, owner != claimant.worker { return .notReady }
        run.job.lastToken += 1
        let token = run.job.lastToken
        run.runs[index].state = .running
        run.runs[index].notBefore = nil
        run.runs[index].token = token
        run.runs[index].worker = claimant.worker
        run.runs[index].attempts += 1
        run.runs[index].startedAt = now
        run.runs[index].deadline = step.timeout.map { now + $0 }
        run.runs[index].stop = nil
        actions.append(.attemptOpened(id, number: row.attempts + 1, token: token, worker: claimant.worker))
        record(.stepStarted, step: id, details: ["attempt": .int(Int64(row.attempts + 1)), "worker": .string(claimant.worker.rawValue)])
        if let acquirer = step.undoes.flatMap({ run.position[$0] }) {
            let acquiring = run.runs[acquirer].state == .running
            run.runs[index].armed?.early = acquiring
        }
        if step.forEach == nil, !run.defects.contains(.armAtSuccess) { arm(forStepAt: index, by: claimant) }
        return nil
    }

    mutating func finish(_ index: Int, _ finished: FinishedStep) {
        if run.runs[index].stop == .windowVoid { return discarded(index, nil) }
        if run.defects.contains(.armAtSuccess) { arm(forStepAt: index, by: nil) }
        let id = step(index).id
        for proof in finished.proofs { actions.append(.proofRecorded(proof, by: id)) }
        run.runs[index].outputs = finished.outputs
        if let failure = finished.failure {
            guard let window = thawedWindow(index), failure.kind == .windowVoid else { return fail(index, failure) }
            return freezeWasLost(index, window, failure)
        }
        closeAttempt(index, .succeeded, nil)
        run.runs[index].missed = finished.missed
        run.runs[index].error = nil
        if step(index).isCompensation { return undone(index) }
        end(index, .succeeded)
        record(.stepSucceeded, step: id)
        keepBases(finished.bases, former: finished.formerBases)
    }

    /// The thaw found that its freeze had not lasted: it is undone, and what was snapshotted meanwhile is void.
    private mutating func freezeWasLost(_ thaw: Int, _ window: Int, _ failure: Explanation) {
        closeAttempt(thaw, .succeeded, failure)
        undone(thaw)
        guard [.open, .sealed].contains(run.windowRuns[window].phase) else { return }
        discard(window, burn: true, failure: failure)
    }

    mutating func fail(_ index: Int, _ failure: Explanation) {
        let step = step(index)
        switch run.runs[index].stop {
        case .cancelled, .deadline: return cancelled(index, failure)
        case .windowVoid: return discarded(index, failure)
        case .timedOut, nil: break
        }
        let timedOut = run.runs[index].stop == .timedOut
        // What is left behind is to be known however it came to that.
        let failure = timedOut && failure.kind != .halfWritten ? .timedOut(step) : failure
        closeAttempt(index, timedOut ? .timedOut : .failed, failure)
        run.runs[index].failures += 1
        run.runs[index].error = failure
        if step.isCompensation { return undoFailed(index, failure) }
        let windowIndex = memberWindow(index)
        if failure.kind == .windowVoid, let windowIndex, run.windowRuns[windowIndex].phase == .open {
            run.runs[index].state = .pending
            return discard(windowIndex, burn: true, failure: failure)
        }
        guard failure.retry != .permanent, mayRetry(index) else { return failForGood(index, failure) }
        if let windowIndex, run.windowRuns[windowIndex].phase == .open {
            // No backoff while something is frozen: what was frozen is thawed first, then the window starts again.
            run.runs[index].state = .pending
            return discard(windowIndex, burn: true, failure: failure)
        }
        let delay = max(step.retry.delay(afterAttempt: run.runs[index].failures, random: random), failure.retryAfter ?? .milliseconds(0))
        run.runs[index].state = .ready
        run.runs[index].notBefore = now + delay
        record(.stepRetried, step: step.id, details: ["error": .string(failure.description), "after": .string("\(delay)")])
    }

    /// The body ended as it was told to. Without being told it is a lost attempt: the worker gave it back.
    mutating func stopped(_ index: Int) {
        switch run.runs[index].stop {
        case .cancelled, .deadline: cancelled(index, nil)
        case .windowVoid: discarded(index, nil)
        case .timedOut: fail(index, .timedOut(step(index)))
        case nil: lose(index)
        }
    }

    /// Burns no try. A member of an open window takes its window with it: who ran it may have thawed already.
    mutating func lose(_ index: Int) {
        let id = step(index).id
        switch run.runs[index].stop {
        case .cancelled, .deadline: return cancelled(index, nil, as: .lost)
        case .windowVoid: return discarded(index, nil, as: .lost)
        case .timedOut, nil: break
        }
        closeAttempt(index, .lost, nil)
        record(.stepLost, step: id)
        if step(index).isCompensation {
            run.runs[index].state = .ready
            run.runs[index].notBefore = nil
            return
        }
        if let window = memberWindow(index), run.windowRuns[window].phase != .idle {
            run.runs[index].state = .pending
            if run.windowRuns[window].phase == .open { discard(window, burn: false, failure: nil) }
            return
        }
        run.runs[index].state = .ready
        run.runs[index].notBefore = nil
    }

    mutating func workerLost(_ worker: WorkerID) -> Refusal? {
        var found = false
        for window in run.windowRuns.indices where run.windowRuns[window].worker == worker {
            found = true
            run.windowRuns[window].worker = nil
            if run.windowRuns[window].phase == .open { discard(window, burn: false, failure: nil) }
        }
        for index in run.runs.running where run.runs[index].worker == worker {
            found = true
            lose(index)
        }
        return found ? nil : .nothingToDo
    }

    mutating func conditionFalse(_ index: Int) {
        switch run.runs[index].stop {
        case .cancelled, .deadline: return cancelled(index, nil)
        case .windowVoid: return discarded(index, nil)
        case .timedOut, nil: break
        }
        closeAttempt(index, .succeeded, nil)
        // The body was never called, so nothing was acquired.
        if run.runs[index].attempts == 1, let undo = compensation(of: index) { disarm(undo) }
        run.runs[index].skipped = .condition
        end(index, .skipped)
        record(.stepSkipped, step: step(index).id, details: ["why": "condition"])
    }

    func mayRetry(_ index: Int) -> Bool {
        let policy = step(index).retry
        if let window = memberWindow(index), run.windowRuns[window].phase == .open {
            return run.windowRuns[window].failures + 1 < windowTries(window)
        }
        return policy.attempts == 0 || run.runs[index].failures < policy.attempts
    }

    mutating func failForGood(_ index: Int, _ failure: Explanation) {
        run.runs[index].error = failure
        end(index, .failed)
        record(.stepFailed, step: step(index).id, details: ["error": .string(failure.description), "code": .string(failure.code)])
    }

    mutating func cancelled(_ index: Int, _ failure: Explanation?, as outcome: AttemptOutcome = .cancelled) {
        closeAttempt(index, outcome, failure)
        if let failure { run.runs[index].error = failure }
        end(index, .cancelled)
        record(.stepCancelled, step: step(index).id)
    }

    /// A member of a voided window ended: it begins again with its window.
    private mutating func discarded(_ index: Int, _ failure: Explanation?, as outcome: AttemptOutcome = .cancelled) {
        closeAttempt(index, outcome, failure)
        if let window = memberWindow(index), run.windowRuns[window].phase != .discarding {
            return failForGood(index, .windowVoid(step(index), window: run.windowRuns[window].id))
        }
        rewind(index)
    }

    mutating func closeAttempt(_ index: Int, _ outcome: AttemptOutcome, _ failure: Explanation?) {
        actions.append(.attemptClosed(step(index).id, number: run.runs[index].attempts, outcome, failure))
        actions.append(.releaseHolds(.step(step(index).id)))
        run.runs[index].worker = nil
        run.runs[index].deadline = nil
        run.runs[index].stop = nil
    }

    /// Into a terminal state.
    mutating func end(_ index: Int, _ state: StepState) {
        run.runs[index].state = state
        run.runs[index].endedAt = now
        run.runs[index].notBefore = nil
        run.runs[index].deadline = nil
        run.runs[index].stop = nil
        run.runs[index].boundWorker = nil
    }
}
