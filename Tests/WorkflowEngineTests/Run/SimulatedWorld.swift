import FlowModel
import Basics

@testable import WorkflowEngine

/// A rule of the engine that a run broke.
struct Violation: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// What exists outside: workers with bodies in flight, and what they froze and made. The machine never sees it; the model test compares.
struct SimulatedWorld {
    struct Resource: Hashable {
        var step: StepID
        var generation: Int
    }
    struct Body: Hashable {
        var step: StepID
        var token: Int64
        var worker: WorkerID
        var generation: Int
        var hasActed = false
        /// Its worker is frozen or dead in the eyes of the others; a stale body acts no more, it only writes late.
        var isToldToStop = false
    }

    var plan: RandomPlan
    var run: JobRun
    var now = Instant(microseconds: 0)
    var bodies: [Body] = []
    var alive: [WorkerID] = []
    /// Dead, but the engine does not know yet.
    var silent: [WorkerID] = []
    var held: Set<Resource> = []
    /// Where what is bound to a host was acquired.
    var places: [Resource: String] = [:]
    /// Whose guard watches a freeze.
    var guarded: [Resource: WorkerID] = [:]
    /// Snapshots taken while something of their window was not frozen.
    var bad: Set<Resource> = []
    var oldTokens: [(step: StepID, token: Int64)] = []
    var ends: [Int: Int] = [:]
    /// Every accepted event, when asked for.
    var journal: [Change]?
    private var workersMade = 0

    struct Change {
        var event: RunEvent
        var before: JobRun
        var after: JobRun
        var actions: [RunAction]
        var now: Instant
    }

    init(plan: RandomPlan, defects: Set<Defect> = []) {
        self.plan = plan
        run = JobRun(plan.definition, createdAt: now, deadline: nil)
        run.defects = defects
    }

    mutating func addWorker() {
        workersMade += 1
        alive.append(WorkerID(rawValue: "worker\(workersMade)"))
    }

    /// Two hosts, taken in turn.
    static func host(of worker: WorkerID) -> String {
        (worker.rawValue.last?.wholeNumberValue ?? 0).isMultiple(of: 2) ? "host2" : "host1"
    }

    // MARK: what bodies and guards do outside

    mutating func act(_ index: Int) throws {
        var body = bodies[index]
        guard !body.hasActed, let step = run.planned(body.step) else { return }
        body.hasActed = true
        bodies[index] = body
        if let acquirer = step.undoes {
            let resource = Resource(step: acquirer, generation: body.generation)
            if let place = places[resource], held.contains(resource), place != Self.host(of: body.worker) {
                throw Violation("\(resource) of \(place) undone on \(Self.host(of: body.worker))")
            }
            try undo(resource, isThaw: step.window != nil)
        } else if step.undoneBy != nil {
            let resource = Resource(step: body.step, generation: body.generation)
            held.insert(resource)
            if plan.hostBound.contains(body.step) { places[resource] = Self.host(of: body.worker) }
            if step.window != nil, plan.frozenFor[body.step] == nil { guarded[resource] = body.worker }
            if let quiesces = plan.frozenFor[body.step], !quiesces.allSatisfy({ isFrozen($0) }) { bad.insert(resource) }
        }
    }

    private func isFrozen(_ quiesce: StepID) -> Bool {
        // A quiesce that its `when` skipped freezes nothing and guards nothing.
        run[quiesce]?.skipped == .condition || held.contains { $0.step == quiesce }
    }

    private mutating func undo(_ resource: Resource, isThaw: Bool) throws {
        for body in bodies where plan.reads[body.step] == resource.step && isLive(body) {
            throw Violation("\(resource) undone while \(body.step) reads it")
        }
        if !isThaw, bodies.contains(where: { $0.step == resource.step && isLive($0) }) {
            throw Violation("\(resource) undone while it is being acquired")
        }
        // Unless the undo of what lies on it keeps failing.
        for other in held where plan.reads[other.step] == resource.step {
            guard let undo = run.planned(other.step)?.undoneBy.flatMap({ run[$0] }), undo.armed?.generation == other.generation,
                undo.failures < Turn.alarmAfter
            else { continue }
            throw Violation("\(resource) undone while \(other) lies on it")
        }
        held.remove(resource)
        guarded[resource] = nil
    }

    func isLive(_ body: Body) -> Bool { run[body.step].map { $0.state == .running && $0.token == body.token } ?? false }

    /// A guard thaws when its worker is gone or the hold has passed, without asking anybody.
    mutating func guardsAct() {
        for (resource, worker) in guarded {
            let window = run.planned(resource.step)?.window.flatMap { run.window($0) }
            let hold = window?.holdUntil.map { $0 <= now } ?? false
            guard hold || !alive.contains(worker) else { continue }
            held.remove(resource)
            guarded[resource] = nil
        }
    }

    mutating func crash(_ worker: WorkerID) {
        alive.removeAll { $0 == worker }
        silent.append(worker)
        for body in bodies where body.worker == worker { oldTokens.append((body.step, body.token)) }
        bodies.removeAll { $0.worker == worker }
        guardsAct()
    }

    // MARK: what the engine is told

    /// Sends an event and checks every rule on the way.
    @discardableResult
    mutating func send(_ event: RunEvent, random: Double) throws -> [RunAction] {
        let before = run
        let actions = run.handle(event, now: now, random: random)
        if case .refused = actions.first {
            guard run == before else { throw Violation("refused \(event), yet something changed") }
            return actions
        }
        guard run.settledAnew(now: now) == run else { throw Violation("after \(event) something that follows from it was overlooked") }
        // A person takes it on himself: nobody owes it any more.
        if case .abandon = event {
            for row in run.steps where row.skipped == .abandoned && before[row.id]?.armed != nil && row.armed == nil {
                guard let acquirer = run.planned(row.id)?.undoes else { continue }
                held = held.filter { $0.step != acquirer }
                guarded = guarded.filter { $0.key.step != acquirer }
            }
        }
        journal?.append(Change(event: event, before: before, after: run, actions: actions, now: now))
        for action in actions {
            switch action {
            case .stopBody(let step, let token, _):
                for index in bodies.indices where bodies[index].step == step && bodies[index].token == token {
                    bodies[index].isToldToStop = true
                }
            case .event(let entry) where entry.kind == .jobEnded: ends[run.job.round, default: 0] += 1
            default: break
            }
        }
        try RunRules.check(before: before, after: run, event: event, world: self)
        return actions
    }

    mutating func claim(_ id: StepID, _ worker: WorkerID, random: Double) throws {
        let before = run
        let host = Self.host(of: worker)
        let claimant = Claimant(worker: worker, host: host, acquiresOnHost: plan.hostBound.contains(id))
        let actions = try send(.start(id, by: claimant), random: random)
        if case .refused = actions.first { return }
        guard let row = run[id], let step = run.planned(id) else { return }
        try RunRules.checkStart(of: step, on: host, before: before, after: run, world: self)
        let generation = step.undoes == nil ? run[step.undoneBy ?? id]?.generation ?? 0 : row.armed?.generation ?? row.generation
        bodies.append(Body(step: id, token: row.token, worker: worker, generation: generation))
    }
}
