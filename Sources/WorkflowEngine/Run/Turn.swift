import Basics
import FlowModel

/// One event being applied: the run as it becomes, and the actions so far. The extensions hold the rules, one subject a file.
struct Turn {
    var run: JobRun
    let now: Instant
    let random: Double
    var actions: [RunAction] = []
    /// The windows as the rules last saw them.
    var seenWindows: [WindowRun]

    init(run: JobRun, now: Instant, random: Double) {
        self.run = run
        self.run.runs.forgetChanges()
        seenWindows = run.windowRuns
        self.now = now
        self.random = random
    }

    /// Applies the event itself; `settle` then draws the consequences. Returns why nothing changed.
    mutating func apply(_ event: RunEvent) -> Refusal? {
        expireHolds()
        switch event {
        case .begin: return begin()
        case .start(let id, let claimant): return start(id, by: claimant)
        case .finish(let id, let token, let finished): return withLive(id, token) { $0.finish($1, finished) }
        case .fail(let id, let token, let failure): return withLive(id, token) { $0.fail($1, failure) }
        case .stopped(let id, let token): return withLive(id, token) { $0.stopped($1) }
        case .lost(let id, let token): return withLive(id, token) { $0.lose($1) }
        case .conditionFalse(let id, let token): return withLive(id, token) { $0.conditionFalse($1) }
        case .wait(let id, let token, let until): return withLive(id, token) { $0.wait($1, until: until) }
        case .expand(let id, let token, let members): return withLive(id, token) { $0.expand($1, into: members) }
        case .recordUndo(let id, let token, let state): return withLive(id, token) { $0.recordUndo($1, state) }
        case .workerLost(let worker): return workerLost(worker)
        case .maxHoldPassed(let window, let worker): return thawed(window, by: worker)
        case .signal(let id, let signal): return receive(signal, for: id)
        case .cancel(let person): return stopJob(.cancelled, by: person)
        case .tick: return tick()
        case .retryJob(let person): return retryJob(by: person)
        case .abandon(let id, let person): return abandon(id, by: person)
        }
    }

    private mutating func withLive(_ id: StepID, _ token: Int64, _ body: (inout Turn, Int) -> Void) -> Refusal? {
        guard let index = run.position[id] else { return .unknownStep }
        let step = run.runs[index]
        guard step.state == .running, step.token == token || run.defects.contains(.acceptStaleToken) else { return .staleToken }
        body(&self, index)
        return nil
    }

    private mutating func begin() -> Refusal? {
        guard run.job.version == 0 else { return .nothingToDo }
        record(.jobStarted)
        return nil
    }

    /// Everything that follows from the changes so far, until nothing more does.
    mutating func settle() {
        repeat {
            let (steps, windows) = affected()
            settleWindows(windows)
            settleSteps(steps)
            settleFanOuts()
            settleCompensations(steps)
        } while !run.runs.changed.isEmpty || run.windowRuns != seenWindows || run.isUnsettled
        settleJob()
    }

    mutating func record(_ kind: JournalEntry.Kind, step: StepID? = nil, details: JSONValue = .object([:]), isAlarm: Bool = false) {
        actions.append(.event(JournalEntry(kind, step: step, details: details, isAlarm: isAlarm)))
    }

    /// The rows to write, ahead of everything else. Empty when nothing but the version changed.
    func finishedActions(comparedTo old: JobRun) -> [RunAction] {
        var rows: [RunAction] = []
        var woken = false
        for index in run.runs.differences(from: old.runs) {
            let step = run.runs[index]
            rows.append(.step(step.id))
            if step.state == .ready, index >= old.runs.count || old.runs[index].state != .ready { woken = true }
        }
        for (new, old) in zip(run.windowRuns, old.windowRuns) where new != old { rows.append(.window(new.id)) }
        var job = run.job
        job.version = old.job.version
        guard !rows.isEmpty || !actions.isEmpty || job != old.job else { return [] }
        return [.job] + rows + actions + (woken ? [.wake] : [])
    }
}

extension Turn {
    func step(_ index: Int) -> PlannedStep { run.definition.steps[index] }

    /// The compensation of an acquiring step.
    func compensation(of index: Int) -> Int? { run.wiring.undo[index] }

    func isCompensation(_ index: Int) -> Bool { run.wiring.compensations.contains(index) }

    /// The index of the window of which the step is a member (not of a window that it closes).
    func memberWindow(_ index: Int) -> Int? { run.wiring.memberWindow[index] }

    /// The index of the window that the step closes.
    func thawedWindow(_ index: Int) -> Int? { run.wiring.thawedWindow[index] }

    /// Members of a window, as indices.
    func members(ofWindow window: Int) -> [Int] { run.wiring.members[window] }
}
