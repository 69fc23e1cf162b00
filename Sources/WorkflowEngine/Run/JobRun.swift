public import Basics
public import FlowModel

/// The state machine of a job, as a value: an event goes in, what must be written and done comes out. No I/O, no clock, no chance of its
/// own, so the same events always give the same run. See docs/state-machine.md.
///
/// Rules live here; the store only writes what changed (see `RunAction`), and only over the version that it read.
public struct JobRun: Sendable {
    public internal(set) var definition: RunDefinition
    public internal(set) var job: JobProgress
    /// Parallel to `definition.steps`.
    var runs: StepTable
    /// Parallel to `definition.windows`.
    var windowRuns: [WindowRun]
    /// Of the definition and of expanded fan-outs; see `rewire`.
    private(set) var wiring: StepWiring
    /// True until every step has been looked at: after it was loaded, for who wrote it may have known other rules, and after what concerns all of them.
    var isUnsettled = true
    /// Deliberate defects that the model test must notice; empty outside of it.
    var defects: Set<Defect> = []

    /// A job that has not begun: send `.begin`.
    public init(_ definition: RunDefinition, createdAt: Instant, deadline: Instant? = nil) {
        self.init(
            definition: definition, job: JobProgress(createdAt: createdAt, deadline: deadline),
            steps: definition.steps.map { StepRun(id: $0.id) }, windows: definition.windows.map { WindowRun(id: $0.id) })
    }

    /// As the store loads it: a row a step and a window, in any order.
    public init(definition: RunDefinition, job: JobProgress, steps: [StepRun], windows: [WindowRun]) {
        let stepRows = Dictionary(steps.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let windowRows = Dictionary(windows.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.definition = definition
        self.job = job
        runs = StepTable(definition.steps.map { stepRows[$0.id] ?? StepRun(id: $0.id) })
        windowRuns = definition.windows.map { windowRows[$0.id] ?? WindowRun(id: $0.id) }
        wiring = StepWiring(definition, runs)
    }

    /// After steps have been added.
    mutating func rewire() {
        wiring = StepWiring(definition, runs)
        isUnsettled = true
    }

    var position: [StepID: Int] { wiring.position }

    public var steps: [StepRun] { Array(runs) }
    public var windows: [WindowRun] { windowRuns }
    public subscript(id: StepID) -> StepRun? { position[id].map { runs[$0] } }
    public func planned(_ id: StepID) -> PlannedStep? { position[id].map { definition.steps[$0] } }
    public func window(_ id: String) -> WindowRun? { windowRuns.first { $0.id == id } }
    public var hasEnded: Bool { job.endedAt != nil }

    /// Ready steps whose time has come, in the order of the plan.
    public func claimable(now: Instant) -> [StepID] {
        runs.ready.map { runs[$0] }.filter { ($0.notBefore ?? now) <= now }.map(\.id)
    }

    var hasReadySteps: Bool { !runs.ready.isEmpty }

    /// Everything still owed to the outside, newest first.
    public var armed: [(compensation: StepID, resource: ArmedResource)] {
        runs.armed.compactMap { index in runs[index].armed.map { (runs[index].id, $0) } }.sorted { $0.1.order > $1.1.order }
    }

    /// Of the steps that have ended.
    var outputs: [StepID: [String: JSONValue]] {
        var found: [StepID: [String: JSONValue]] = [:]
        for row in runs where row.state.isTerminal { found[row.id] = row.outputs }
        return found
    }

    /// When a `.tick` is due at the latest; nil when time alone changes nothing. Ready steps' `notBefore` is not in it: claims look at that.
    public var nextTick: Instant? {
        guard !hasEnded else { return nil }
        var due: [Instant] = []
        for index in runs.running.union(runs.waiting) where runs[index].stop == nil {
            if let deadline = runs[index].deadline { due.append(deadline) }
        }
        for window in windowRuns {
            if let hold = window.holdUntil, !window.holdPassed, window.phase == .open || window.phase == .discarding { due.append(hold) }
        }
        if job.outcome == nil, job.stopping == nil, let deadline = job.deadline { due.append(deadline) }
        return due.min()
    }

    /// Applies an event. `random`, uniform in 0...1, is the jitter of a retry's delay.
    /// Returns `[.refused]` when nothing changed.
    mutating func handle(_ event: RunEvent, now: Instant, random: Double) -> [RunAction] {
        var turn = Turn(run: self, now: now, random: random)
        if let refusal = turn.apply(event) { return [.refused(refusal)] }
        turn.settle()
        turn.run.job.version += 1
        let actions = turn.finishedActions(comparedTo: self)
        guard !actions.isEmpty else { return [.refused(.nothingToDo)] }
        self = turn.run
        return actions
    }

    /// With every rule asked of every step once more: the same, if nothing was overlooked.
    func settledAnew(now: Instant) -> JobRun {
        var turn = Turn(run: self, now: now, random: 0.5)
        turn.run.isUnsettled = true
        turn.settle()
        return turn.run
    }
}

extension JobRun: Hashable {
    public static func == (left: JobRun, right: JobRun) -> Bool {
        left.job == right.job && left.runs == right.runs && left.windowRuns == right.windowRuns && left.definition == right.definition
            && left.defects == right.defects
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(job)
        hasher.combine(runs)
        hasher.combine(windowRuns)
    }
}

/// Ways to break the machine on purpose: a model test that can't tell them from the right one proves nothing.
enum Defect: String, CaseIterable, Sendable, Hashable {
    /// A write with an old token is accepted.
    case acceptStaleToken
    /// An undo is armed when the acquiring step succeeds instead of when it starts.
    case armAtSuccess
    /// Cancelling a job cancels its undos too.
    case cancelUndo
    /// An undo starts while the steps that it guards still run.
    case undoTooEarly
    /// The job ends when its steps have ended, whatever is still armed.
    case endBeforeUndone
    /// Copies start although the window was thawed early.
    case copyFromVoidWindow
    /// An undo that one host alone can do is offered to every host.
    case undoAnywhere
    /// What comes after a step is not looked at when that changes.
    case overlookFollowers
}

extension JobRun: Codable {
    private enum CodingKeys: String, CodingKey { case definition, job, steps, windows }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            definition: try container.decode(RunDefinition.self, forKey: .definition),
            job: try container.decode(JobProgress.self, forKey: .job),
            steps: try container.decode([StepRun].self, forKey: .steps),
            windows: try container.decode([WindowRun].self, forKey: .windows))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(definition, forKey: .definition)
        try container.encode(job, forKey: .job)
        try container.encode(steps, forKey: .steps)
        try container.encode(windowRuns, forKey: .windows)
    }
}
