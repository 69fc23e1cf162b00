import FlowModel
import Basics

/// Windows: opened by the first member that starts, sealed when all have ended well, else discarded and retried whole, or given up.
extension Turn {
    /// The most tries that any member has.
    func windowTries(_ window: Int) -> Int { members(ofWindow: window).map { step($0).retry.attempts }.max() ?? 1 }

    func mayStart(inWindow window: Int, _ claimant: Claimant) -> Bool {
        let row = run.windowRuns[window]
        switch row.phase {
        case .idle: return true
        case .open: return row.worker == claimant.worker
        case .sealed, .discarding, .broken: return false
        }
    }

    mutating func openWindow(_ window: Int, by claimant: Claimant) {
        guard run.windowRuns[window].phase == .idle else { return }
        run.windowRuns[window].phase = .open
        run.windowRuns[window].worker = claimant.worker
        run.windowRuns[window].holdUntil = now + run.definition.windows[window].maxHold
        run.windowRuns[window].retryAt = nil
        record(.windowOpened, details: ["window": .string(run.windowRuns[window].id)])
    }

    /// What was snapshotted is void: members stop and begin again once everything that they acquired is undone; or, when the tries are used up, fail.
    mutating func discard(_ window: Int, burn: Bool, failure: Explanation?) {
        let definition = run.definition.windows[window]
        let members = members(ofWindow: window)
        if burn { run.windowRuns[window].failures += 1 }
        let failures = run.windowRuns[window].failures
        let givenUp = burn && failures >= windowTries(window)
        run.windowRuns[window].phase = givenUp ? .broken : .discarding
        let policy = members.map { step($0).retry }.max { $0.attempts < $1.attempts } ?? RetryPolicy()
        run.windowRuns[window].retryAt = burn ? now + policy.delay(afterAttempt: failures, random: random) : now
        for member in members {
            switch run.runs[member].state {
            case .running:
                if run.runs[member].stop == nil || run.runs[member].stop == .timedOut { tellToStop(member, .windowVoid) }
            case .succeeded where givenUp:
                // An instant step did its work; a snapshot is worth nothing.
                guard let undo = compensation(of: member), thawedWindow(undo) == nil else { continue }
                failForGood(member, .windowVoid(step(member), window: definition.id, because: failure))
            case .pending, .ready, .waiting, .succeeded, .failed, .skipped, .cancelled:
                if givenUp { continue }
                rewind(member)
            }
        }
        record(
            givenUp ? .windowBroken : .windowDiscarded,
            details: ["window": .string(definition.id), "error": failure.map { .string($0.description) } ?? .null])
    }

    /// Back to the beginning, keeping what only grows.
    mutating func rewind(_ index: Int) {
        let old = run.runs[index]
        var new = StepRun(id: old.id)
        new.token = old.token
        new.attempts = old.attempts
        new.generation = old.generation
        new.armed = old.armed
        new.error = old.error
        run.runs[index] = new
    }

    /// What a worker's guard thawed is void. A worker that lost the window hears of its guard late: another one's window is none of its.
    mutating func thawed(_ id: String, by worker: WorkerID) -> Refusal? {
        guard let row = run.windowRuns.first(where: { $0.id == id }) else { return .unknownStep }
        guard row.worker == worker else { return .nothingToDo }
        return maxHoldPassed(id)
    }

    private mutating func maxHoldPassed(_ id: String) -> Refusal? {
        guard let window = run.windowRuns.firstIndex(where: { $0.id == id }) else { return .unknownStep }
        let row = run.windowRuns[window]
        guard row.holdUntil != nil, !row.holdPassed, [.open, .discarding, .broken].contains(row.phase) else { return .nothingToDo }
        run.windowRuns[window].holdPassed = true
        record(.maxHoldPassed, details: ["window": .string(id)], isAlarm: true)
        if row.phase == .open { discard(window, burn: true, failure: nil) }
        for member in members(ofWindow: window) where run.runs[member].state == .running && run.runs[member].stop == nil {
            tellToStop(member, .windowVoid)
        }
        return nil
    }

    /// Before anything else: a guard thaws by its own clock, so what is reported after the hold has passed may have come after the thaw.
    mutating func expireHolds() {
        let now = self.now
        for window in run.windowRuns where window.holdUntil.map({ $0 <= now }) ?? false { _ = maxHoldPassed(window.id) }
    }

    mutating func settleWindows(_ affected: StepIndices) {
        for window in affected {
            let members = members(ofWindow: window)
            switch run.windowRuns[window].phase {
            case .idle: break
            case .open:
                if members.contains(where: { breaksItsWindow($0) }) {
                    run.windowRuns[window].phase = .broken
                    record(.windowBroken, details: ["window": .string(run.windowRuns[window].id)])
                } else if members.allSatisfy({ run.runs[$0].state.isTerminal }) {
                    run.windowRuns[window].phase = .sealed
                    record(.windowSealed, details: ["window": .string(run.windowRuns[window].id)])
                }
            case .discarding: restartIfUndone(window, members)
            case .sealed, .broken: break
            }
            if run.windowRuns[window].phase == .broken {
                for member in members where [.pending, .ready].contains(run.runs[member].state) { skipUpstream(member, tolerated: false) }
            }
            closeIfThawed(window, members)
        }
    }

    private func breaksItsWindow(_ member: Int) -> Bool {
        switch run.runs[member].state {
        case .failed: !step(member).continueOnError
        case .cancelled: true
        case .skipped: run.runs[member].skipped == .upstream
        case .pending, .ready, .running, .waiting, .succeeded: false
        }
    }

    private mutating func restartIfUndone(_ window: Int, _ members: [Int]) {
        let undos = members.compactMap { compensation(of: $0) }
        guard members.allSatisfy({ run.runs[$0].state != .running }), undos.allSatisfy({ run.runs[$0].armed == nil }) else { return }
        for index in members + undos { rewind(index) }
        var fresh = WindowRun(id: run.windowRuns[window].id)
        fresh.failures = run.windowRuns[window].failures
        fresh.retryAt = run.windowRuns[window].retryAt
        run.windowRuns[window] = fresh
        actions.append(.releaseHolds(.window(fresh.id)))
        record(.windowRestarted, details: ["window": .string(fresh.id)])
    }

    /// Nothing is frozen any more: the clock stops, and the systems are free.
    private mutating func closeIfThawed(_ window: Int, _ members: [Int]) {
        let row = run.windowRuns[window]
        guard row.phase == .sealed || row.phase == .broken, row.holdUntil != nil,
            members.allSatisfy({ run.runs[$0].state.isTerminal }), !isFrozen(window)
        else { return }
        run.windowRuns[window].holdUntil = nil
        run.windowRuns[window].worker = nil
        actions.append(.releaseHolds(.window(row.id)))
    }

    /// True while a thaw of the window is owed.
    func isFrozen(_ window: Int) -> Bool {
        run.definition.windows[window].thaws.contains { run.position[$0].map { run.runs[$0].armed != nil } ?? false }
    }
}
