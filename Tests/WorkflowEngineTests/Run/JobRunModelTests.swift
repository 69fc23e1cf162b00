import Basics
import FlowModel
import Testing

@testable import WorkflowEngine

/// Random plans, random interleavings of everything that can happen, a simulated outside; the rules of `RunRules` after each event,
/// and an end once faults stop.
@Suite struct JobRunModelTests {
    static let runs: UInt64 = 4000

    @Test(arguments: 0..<8) func everyRuleHolds(part: UInt64) async throws {
        for seed in stride(from: part, to: Self.runs, by: 8) {
            // Other tests have clocks: no thread is kept from them for long.
            await Task.yield()
            do {
                var scenario = Scenario(seed: seed)
                try scenario.play()
            } catch {
                Issue.record("seed \(seed): \(error)")
                return
            }
        }
    }

    /// The test can fail: each way of breaking the machine is noticed.
    @Test(arguments: Defect.allCases) func everyDefectIsNoticed(defect: Defect) async {
        for seed in 0..<2000 as Range<UInt64> {
            await Task.yield()
            var scenario = Scenario(seed: seed, defects: [defect])
            do { try scenario.play() } catch { return }
        }
        Issue.record("a machine with the defect \(defect) passed")
    }

    @Test func sameEventsGiveTheSameRun() throws {
        var first = Scenario(seed: 7)
        var second = Scenario(seed: 7)
        try first.play()
        try second.play()
        #expect(first.world.run == second.world.run)
    }
}

/// One seed's story.
struct Scenario {
    var random: RandomNumbers
    var world: SimulatedWorld

    init(seed: UInt64, defects: Set<Defect> = []) {
        random = RandomNumbers(seed: seed)
        world = SimulatedWorld(plan: RandomPlan.make(using: &random), defects: defects)
    }

    mutating func play() throws {
        try send(.begin)
        world.addWorker()
        world.addWorker()
        for _ in 0..<Int.random(in: 20...120, using: &random) { try trouble() }
        try calm()
        if world.run.job.outcome != .succeeded, random.chance(60) {
            try send(.retryJob(by: "somebody"))
            for _ in 0..<Int.random(in: 0...60, using: &random) { try trouble() }
            try calm()
        }
    }

    @discardableResult
    private mutating func send(_ event: RunEvent) throws -> [RunAction] {
        try world.send(event, random: Double.random(in: 0...1, using: &random))
    }

    // MARK: while anything may happen

    private mutating func trouble() throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<35: try claim()
        case 35..<70: try moveBody(kindly: false)
        case 70..<80: try passTime(.milliseconds(Int64.random(in: 1...6000, using: &random)))
        case 80..<83: if let worker = random.pick(world.alive) { world.crash(worker) }
        case 83..<88: try noticeSilence()
        case 88..<93: try writeLate()
        case 93: try send(.cancel(by: "somebody"))
        case 94:
            if let window = random.pick(world.run.windows), let worker = window.worker ?? world.alive.first {
                try send(.maxHoldPassed(window: window.id, by: worker))
            }
        case 95: try giveBack()
        case 96..<98: try signal()
        case 98:
            try send(
                random.chance(50) ? .retryJob(by: "somebody") : .abandon(random.pick(world.run.armed.map(\.compensation)), by: "somebody"))
        default: try send(.tick)
        }
        if world.alive.isEmpty { world.addWorker() }
    }

    private mutating func claim() throws {
        guard let id = random.pick(world.run.claimable(now: world.now)), let worker = random.pick(world.alive) else { return }
        try world.claim(id, worker, random: 0.5)
    }

    private mutating func moveBody(kindly: Bool) throws {
        guard let index = world.bodies.indices.randomElement(using: &random) else { return }
        let body = world.bodies[index]
        if !world.isLive(body) {
            // Fenced: the worker notices and stops it. What it may have acquired late it undoes itself.
            world.oldTokens.append((body.step, body.token))
            world.bodies.remove(at: index)
            return
        }
        if !body.hasActed, kindly || random.chance(70) { return try world.act(index) }
        world.oldTokens.append((body.step, body.token))
        world.bodies.remove(at: index)
        try end(body, kindly: kindly)
    }

    private mutating func end(_ body: SimulatedWorld.Body, kindly: Bool) throws {
        guard let step = world.run.planned(body.step) else { return }
        let (id, token) = (body.step, body.token)
        if step.forEach != nil { return try expand(step, token) }
        if world.plan.approvals.contains(id) { return try wait(id, token) }
        if body.isToldToStop, kindly || random.chance(70) {
            try send(.stopped(id, token: token))
        } else if kindly || (body.hasActed && random.chance(65)) {
            guard body.hasActed else { return }
            let missed = random.chance(5) ? ["a file"] : []
            try send(.finish(id, token: token, FinishedStep(missed: missed)))
        } else if !step.isCompensation, !body.hasActed, random.chance(15) {
            try send(.conditionFalse(id, token: token))
        } else {
            try send(.fail(id, token: token, .test(random.chance(70) ? .transient : .permanent)))
        }
    }

    private mutating func expand(_ step: PlannedStep, _ token: Int64) throws {
        var members: [PlannedStep] = []
        for item in 0..<Int.random(in: 0...3, using: &random) {
            let id = StepID("\(step.id)[\(item)]")
            let undo = StepID("drop-\(id)")
            let acquires = random.chance(40)
            members.append(.work(id, attempts: 2, continueOnError: step.continueOnError, undoneBy: acquires ? undo : nil))
            if acquires { members.append(.undo(undo, of: id, after: [id])) }
        }
        try send(.expand(step.id, token: token, members: members))
    }

    private mutating func wait(_ id: StepID, _ token: Int64) throws {
        try send(.wait(id, token: token, until: random.chance(50) ? world.now + .seconds(10) : nil))
    }

    private mutating func signal() throws {
        guard let id = random.pick(world.plan.approvals.sorted()) else { return }
        try send(.signal(id, StepSignal(isGood: random.chance(70), by: "somebody")))
    }

    private mutating func passTime(_ span: TimeSpan) throws {
        world.now = world.now + span
        world.guardsAct()
        if random.chance(70) { try send(.tick) }
    }

    private mutating func noticeSilence() throws {
        guard let worker = world.silent.first else { return }
        world.silent.removeFirst()
        try send(.workerLost(worker))
    }

    /// A stopped process that continues after its lease: its writes carry an old token.
    private mutating func writeLate() throws {
        guard let (id, token) = random.pick(world.oldTokens), world.run[id].map({ $0.state != .running || $0.token != token }) ?? false
        else {
            return
        }
        let events: [RunEvent] = [
            .finish(id, token: token, FinishedStep(outputs: ["late": true])), .fail(id, token: token, .test(.permanent)),
            .stopped(id, token: token), .lost(id, token: token), .recordUndo(id, token: token, state: ["late": true]),
            .wait(id, token: token, until: nil), .conditionFalse(id, token: token), .expand(id, token: token, members: []),
        ]
        guard let event = random.pick(events) else { return }
        let actions = try send(event)
        guard actions == [.refused(.staleToken)] else { throw Violation("a late write was taken: \(event)") }
    }

    /// A worker that shuts down gives a step back.
    private mutating func giveBack() throws {
        guard let index = world.bodies.indices.randomElement(using: &random) else { return }
        let body = world.bodies.remove(at: index)
        guard let failures = world.run[body.step]?.failures, world.isLive(body) else { return }
        try send(.lost(body.step, token: body.token))
        guard let after = world.run[body.step]?.failures, after <= failures else { throw Violation("a shutdown burnt a try") }
    }

    // MARK: when faults have stopped

    /// Every body succeeds, time goes on, answers come: the job must end, in a bounded number of steps.
    private mutating func calm() throws {
        while !world.silent.isEmpty { try noticeSilence() }
        // What a host alone can undo waits for a worker of it.
        while Set(world.alive.map(SimulatedWorld.host)).count < 2 { world.addWorker() }
        let bound = 40 * (world.run.steps.count + 10)
        for _ in 0..<bound {
            if world.run.hasEnded { return }
            for id in world.run.claimable(now: world.now) {
                for worker in world.alive { try world.claim(id, worker, random: 0.5) }
            }
            for id in world.plan.approvals.sorted() where world.run[id]?.state == .waiting {
                try send(.signal(id, StepSignal(isGood: true, by: "somebody")))
            }
            if world.bodies.isEmpty {
                try passTime(.seconds(5))
                try send(.tick)
            } else {
                try moveBody(kindly: true)
            }
        }
        throw Violation("no end: \(world.run.steps.filter { !$0.state.isTerminal }) \(world.run.windows)")
    }
}
