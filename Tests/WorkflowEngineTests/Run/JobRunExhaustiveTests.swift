import Basics
import FlowModel
import Testing

@testable import WorkflowEngine

/// Every interleaving of one window and one copy with up to three faults, to the end: no chance involved.
@Suite struct JobRunExhaustiveTests {
    /// What tells two situations apart.
    private struct Node: Hashable {
        var run: JobRun
        var claimable: [StepID]
        var bodies: [SimulatedWorld.Body]
        var held: Set<SimulatedWorld.Resource>
        var faults: Int

        init(_ world: SimulatedWorld, faults: Int) {
            run = world.run
            run.job.version = 1
            claimable = world.run.claimable(now: world.now)
            bodies = world.bodies
            held = world.held
            self.faults = faults
        }
    }

    private static var plan: RandomPlan {
        var plan = RandomPlan()
        plan.definition = RunDefinition(
            steps: [
                .work("quiesce", attempts: 2, undoneBy: "thaw", window: "w"),
                .work("snapshot", after: ["quiesce"], attempts: 2, undoneBy: "release", window: "w"),
                .undo("thaw", of: "quiesce", after: ["quiesce", "snapshot"], window: "w"),
                .work("copy", after: ["snapshot"], reason: .output, attempts: 2),
                .undo("release", of: "snapshot", after: ["snapshot", "copy"]),
            ],
            windows: [PlannedWindow(id: "w", members: ["quiesce", "snapshot"], thaws: ["thaw"], maxHold: .seconds(30))])
        plan.reads = ["copy": "snapshot"]
        plan.frozenFor = ["snapshot": ["quiesce"]]
        return plan
    }

    @Test func everyInterleavingOfASmallBackup() async throws {
        var world = SimulatedWorld(plan: Self.plan)
        world.addWorker()
        world.addWorker()
        try world.send(.begin, random: 0)
        var open = [(world: world, faults: 3)]
        var seen: Set<Node> = [Node(world, faults: 3)]
        var ended: Set<JobOutcome> = []
        while let (world, faults) = open.popLast() {
            // Other tests have clocks: no thread is kept from them for long.
            await Task.yield()
            let moves = Self.moves(from: world) + (faults > 0 ? Self.faults(in: world) : [])
            let isOver = world.run.hasEnded
            if isOver, let outcome = world.run.job.outcome { ended.insert(outcome) }
            for move in moves where !isOver {
                var after = world
                try move.apply(&after)
                let left = faults - (move.isFault ? 1 : 0)
                if seen.insert(Node(after, faults: left)).inserted {
                    open.append((after, left))
                } else if moves.count == 1, after.run.steps == world.run.steps, after.run.claimable(now: after.now).isEmpty,
                    after.bodies.isEmpty
                {
                    Issue.record("stuck: \(world.run.steps)")
                }
            }
        }
        #expect(ended == [.succeeded, .failed, .cancelled])
        #expect(seen.count > 20_000, "\(seen.count) situations")
    }

    private struct Move {
        var isFault = false
        var apply: (inout SimulatedWorld) throws -> Void
    }

    /// What happens when all goes well.
    private static func moves(from world: SimulatedWorld) -> [Move] {
        var moves: [Move] = []
        for id in world.run.claimable(now: world.now) {
            for worker in world.alive { moves.append(Move { try $0.claim(id, worker, random: 0) }) }
        }
        for index in world.bodies.indices {
            let body = world.bodies[index]
            if body.isToldToStop { moves.append(Move { try $0.end(index, .stopped(body.step, token: body.token)) }) }
            if body.hasActed {
                moves.append(Move { try $0.end(index, .finish(body.step, token: body.token, FinishedStep())) })
            } else {
                moves.append(Move { try $0.act(index) })
            }
        }
        if moves.isEmpty { moves.append(Move { try $0.wait(.seconds(10)) }) }
        return moves
    }

    private static func faults(in world: SimulatedWorld) -> [Move] {
        var faults: [Move] = []
        for index in world.bodies.indices {
            let body = world.bodies[index]
            for retry in [Retryability.transient, .permanent] {
                faults.append(Move(isFault: true) { try $0.end(index, .fail(body.step, token: body.token, .test(retry))) })
            }
        }
        if world.alive.count == 2, let worker = world.alive.first {
            faults.append(
                Move(isFault: true) {
                    $0.crash(worker)
                    try $0.send(.workerLost(worker), random: 0)
                })
        }
        faults.append(Move(isFault: true) { try $0.send(.cancel(by: "somebody"), random: 0) })
        faults.append(Move(isFault: true) { try $0.wait(.seconds(31)) })
        return faults
    }
}

extension SimulatedWorld {
    fileprivate mutating func end(_ index: Int, _ event: RunEvent) throws {
        bodies.remove(at: index)
        try send(event, random: 0)
    }

    fileprivate mutating func wait(_ span: TimeSpan) throws {
        now = now + span
        guardsAct()
        try send(.tick, random: 0)
    }
}
