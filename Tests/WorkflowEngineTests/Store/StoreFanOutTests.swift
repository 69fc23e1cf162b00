import Basics
import FlowModel
import PostgreSQL
import Rigs
import StepKit
import Synchronization
import Testing

@testable import WorkflowEngine

/// Many members of one job that end whenever they do: what they come to, and how often the database is asked for it.
@Suite struct StoreFanOutTests {
    private func members(_ count: Int) -> [PlannedStep] { (0..<count).map { .work(StepID("m\($0)")) } }

    /// As a worker does: as many at once as it has slots, each step ended by a task of its own. `watcher` is asked whether the job is over.
    private func carry(
        _ job: JobID, _ hand: StoreHand, _ worker: WorkerID, slots: Int = 16, watcher: StoreHand? = nil,
        _ end: @escaping @Sendable (ClaimedStep) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var busy = 0
            while true {
                let claimed = try await stubborn { try await hand.claim(worker, limit: slots - busy) }
                for step in claimed { group.addTask { try await end(step) } }
                busy += claimed.count
                if busy > 0 {
                    try await group.next()
                    busy -= 1
                } else if try await stubborn({ try await (watcher ?? hand).stored(job).hasEnded }) {
                    return
                }
            }
        }
    }

    private func stubborn<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        for _ in 0..<200 {
            do { return try await body() } catch let error as PostgreSQLError where error.retry == .transient {}
        }
        return try await body()
    }

    private func value(_ counter: borrowing Atomic<Int>) -> Int { counter.load(ordering: .relaxed) }

    @Test func aJobIsHardlyLoadedHoweverManyOfItsStepsEndAtOnce() async throws {
        let hand = try await StoreHand.start()
        let process = try await hand.another()
        let worker = try await hand.register("w")
        let count = 300
        let job = try await hand.submit(members(count))
        try await carry(job, process, worker) { step in
            let applied = try await process.finish(step)
            #expect(applied.refusal == nil)
        }
        #expect(try await hand.stored(job).job.outcome == .succeeded)
        #expect(try await hand.count("attempts WHERE outcome = 'succeeded'") == count)
        #expect(try await hand.count("events WHERE kind = 'stepSucceeded'") == count)
        let counts = process.store.counts
        // Once, and again where a busy machine let a transaction stand still for too long.
        #expect(value(counts.loads) < count / 10)
        #expect(value(counts.lostRaces) < count / 10)
        // A claim and an end for each step at most, and less where several end during a transition.
        #expect(value(counts.transitions) < 2 * count + count / 10)
    }

    @Test func twoProcessesShareAFanOut() async throws {
        let hand = try await StoreHand.start()
        let processes = [try await hand.another(), try await hand.another()]
        let count = 100
        let job = try await hand.submit(members(count))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, process) in processes.enumerated() {
                let worker = try await hand.register("w\(number)")
                group.addTask {
                    try await carry(job, process, worker, slots: 8) { step in
                        let applied = try await process.finish(step)
                        #expect(applied.refusal == nil)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await hand.stored(job).job.outcome == .succeeded)
        // Each ran once.
        #expect(try await hand.count("attempts") == count)
        // Who was overtaken loads the job once, and is not overtaken again.
        let loads = processes.reduce(0) { $0 + value($1.store.counts.loads) }
        let transitions = processes.reduce(0) { $0 + value($1.store.counts.transitions) }
        #expect(loads <= transitions)
        #expect(transitions <= 3 * count)
    }

    /// What a step costs does not depend on how many others its job has: a process reads what the others changed, not the job.
    @Test(arguments: [40, 400]) func eachChangeIsReadOnceByEachProcessHoweverManyMembersThereAre(count: Int) async throws {
        let hand = try await StoreHand.start()
        let processes = [try await hand.another(), try await hand.another(), try await hand.another()]
        let job = try await hand.submit(members(count))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, process) in processes.enumerated() {
                let worker = try await hand.register("w\(number)")
                group.addTask {
                    try await carry(job, process, worker, slots: 4, watcher: hand) { step in
                        let applied = try await process.finish(step)
                        #expect(applied.refusal == nil)
                    }
                }
            }
            try await group.waitForAll()
        }
        let run = try await hand.stored(job)
        #expect(run.job.outcome == .succeeded)
        #expect(try await hand.count("attempts") == count)
        // A step starts and ends, two others read that; and each process reads the whole job once, or again where a connection was lost.
        let read = processes.reduce(0) { $0 + value($1.store.counts.stepsRead) }
        #expect(read <= (2 * 2 + 3 * 3) * count, "\(read) rows of steps were read for \(count) members")
    }

    @Test func connectionsThatAreKilledLoseNoneOfTheEventsThatWereWrittenTogether() async throws {
        let rig = try await PostgreSQLRig.start()
        var settings = rig.settings
        settings.applicationName = "victim-\(rig.schema)"
        let patience = RetryPolicy(attempts: 40, backoff: .milliseconds(20), maxBackoff: .milliseconds(200))
        let hand = StoreHand(rig: rig, store: try await EngineStore.open(settings, patience: patience))
        let killer = try await Connection.connect(rig.settings)
        let worker = try await hand.register("w")
        let count = 150
        let job = try await hand.submit(members(count))
        let name = settings.applicationName
        let kills = Task {
            var kills = 0
            while !Task.isCancelled {
                kills += try await killer.query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND random() < 0.3", [.text(name)]
                ).count
                try await killer.query("SELECT pg_sleep(0.02)")
            }
            return kills
        }
        try await carry(job, hand, worker) { step in
            let applied = try await stubborn { try await hand.finish(step) }
            #expect(applied.refusal == nil)
        }
        kills.cancel()
        if let count = try? await kills.value { #expect(count > 0) }
        #expect(try await hand.stored(job).job.outcome == .succeeded)
        #expect(try await hand.count("attempts WHERE outcome = 'succeeded'") == count)
        #expect(try await hand.count("events WHERE kind = 'stepSucceeded'") == count)
        #expect(try await hand.count("attempts WHERE outcome = 'running'") == 0)
    }

    // MARK: one batch

    /// Who had the job before hands it on a moment after it has answered.
    private func take(_ job: JobID, _ store: EngineStore) async throws {
        try await eventually("the job's turn") { store.turns.tryTake(job) }
    }

    /// Sends events so that they are decided together, in their order; what each came to.
    private func together(_ events: [RunEvent], _ job: JobID, _ store: EngineStore) async throws -> [Result<AppliedEvent, any Error>] {
        try await take(job, store)
        var sent: [Task<AppliedEvent, any Error>] = []
        for event in events {
            sent.append(Task { try await store.apply(event, to: job) })
            let count = sent.count
            try await eventually("\(count) pending events") { store.pending.count(of: job) >= count }
        }
        store.turns.giveBack(job)
        var outcomes: [Result<AppliedEvent, any Error>] = []
        for task in sent { outcomes.append(await task.result) }
        return outcomes
    }

    private func end(_ step: ClaimedStep, _ finished: FinishedStep = FinishedStep()) -> RunEvent {
        .finish(step.step, token: step.token, finished)
    }

    @Test func aStaleTokenRefusesItsOwnEventOnly() async throws {
        let hand = try await StoreHand.start()
        let thief = try await hand.another()
        let (first, second) = (try await hand.register("first"), try await hand.register("second"))
        let job = try await hand.submit(members(3))
        let claimed = try await hand.claim(first).sorted { $0.step < $1.step }
        #expect(try await thief.store.apply(.lost("m1", token: claimed[1].token), to: job).refusal == nil)
        let stolen = try #require(try await thief.claim(second).first)
        let outcomes = try await together(claimed.map { end($0) }, job, hand.store).map { try $0.get().refusal }
        #expect(outcomes == [nil, .staleToken, nil])
        let run = try await hand.stored(job)
        #expect(run["m0"]?.state == .succeeded && run["m2"]?.state == .succeeded)
        #expect(run["m1"]?.state == .running && run["m1"]?.token == stolen.token)
        // Once over what was remembered, once over what there is.
        #expect(value(hand.store.counts.lostRaces) == 1)
        try await thief.finish(stolen)
        #expect(try await hand.stored(job).job.outcome == .succeeded)
    }

    /// The statement refuses a batch whole that names one token which is not live, also over the right version.
    @Test func theStatementChangesNothingForOneStaleTokenAmongLiveOnes() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit(members(2))
        let claimed = try await hand.claim(worker)
        let record = try #require(try await hand.store.load([job]).first)
        var decision = Decision(on: record, now: try await hand.store.now())
        for step in claimed { decision.add(end(step)) }
        #expect(decision.tokens.count == 2)
        try await hand.execute("UPDATE steps SET token = token + 7 WHERE id = 'm1'")
        #expect(try await hand.store.write([decision.transition(limits: [:])], on: nil) == [])
        #expect(try await hand.count("steps WHERE state = 'running'") == 2)
        try await hand.execute("UPDATE steps SET token = token - 7 WHERE id = 'm1'")
        #expect(try await hand.store.write([decision.transition(limits: [:])], on: nil) == [job])
    }

    @Test func oneThatCannotBeWrittenTakesNoOtherWithIt() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit(members(3))
        let claimed = try await hand.claim(worker).sorted { $0.step < $1.step }
        // No JSON has such a number.
        let poison = FinishedStep(outputs: ["size": .double(.infinity)])
        let outcomes = try await together([end(claimed[0]), end(claimed[1], poison), end(claimed[2])], job, hand.store)
        #expect(throws: (any Error).self) { try outcomes[1].get() }
        for outcome in [outcomes[0], outcomes[2]] { #expect(try outcome.get().refusal == nil) }
        #expect(try await hand.count("steps WHERE state = 'succeeded'") == 2)
        #expect(try await hand.store.apply(end(claimed[1]), to: job).run.job.outcome == .succeeded)
    }

    @Test func aCancelInTheMiddleOfEndsIsWrittenWithThem() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit(members(6))
        let claimed = try await hand.claim(worker, limit: 3).sorted { $0.step < $1.step }
        let before = value(hand.store.counts.transitions)
        let events: [RunEvent] = [end(claimed[0]), .cancel(by: "ann"), end(claimed[1]), .stopped(claimed[2].step, token: claimed[2].token)]
        let outcomes = try await together(events, job, hand.store).map { try $0.get() }
        #expect(outcomes.map(\.refusal) == [nil, nil, nil, nil])
        #expect(value(hand.store.counts.transitions) == before + 1)
        // Each hears what followed from its own event, and that it is over only who ended it.
        #expect(outcomes.map(\.run.hasEnded) == [false, false, false, true])
        let run = try await hand.stored(job)
        #expect(run.job.outcome == .cancelled && run.job.stoppedBy == "ann")
        #expect(run == outcomes[3].run)
        #expect(run.steps.map(\.state).filter { $0 == .cancelled }.count == 4)
        let kinds = try await hand.store.events(job: job).map(\.kind).suffix(8)
        #expect(kinds.first == "stepSucceeded" && kinds.last == "jobEnded")
    }

    @Test func whoStoppedWaitingIsNotWrittenAndHoldsUpNobody() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit(members(2))
        let claimed = try await hand.claim(worker)
        try await take(job, hand.store)
        let gone = Task { try await hand.finish(claimed[0]) }
        try await eventually("a pending event") { hand.store.pending.count(of: job) == 1 }
        gone.cancel()
        await #expect(throws: CancellationError.self) { _ = try await gone.value }
        let other = Task { try await hand.finish(claimed[1]) }
        try await eventually("another") { hand.store.pending.count(of: job) == 2 }
        hand.store.turns.giveBack(job)
        #expect(try await other.value.refusal == nil)
        #expect(try await hand.stored(job)[claimed[0].step]?.state == .running)
    }

    /// What it wants is another's just now: it goes without that job, and comes back to it.
    @Test func aClaimDoesNotWaitForAJobThatStandsStill() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let stuck = try await hand.submit([.work("stuck")])
        let free = try await hand.submit([.work("free")])
        try await take(stuck, hand.store)
        #expect(try await hand.claim(worker).map(\.job) == [free])
        hand.store.turns.giveBack(stuck)
        #expect(try await hand.claim(worker).map(\.job) == [stuck])
    }

    /// A step that records bases asks in its transaction what they replace: beside another it would not see what that one makes of it.
    @Test func stepsThatRecordBasesAreWrittenOneByOne() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        // Keys as the engine makes them: others are not released.
        func key(_ name: String) -> String { StepKey(job: JobID(rawValue: name), step: "take", generation: 1).text }
        func base(_ name: String) -> Base {
            Base(
                systemIdentity: "s", repositoryID: "r", snapshotID: "snap-" + name, snapshot: SystemSnapshot(key: key(name)),
                acquiredBy: StepID("take-\(name)"))
        }
        var steps: [PlannedStep] = []
        for key in ["one", "two"] {
            steps += [
                .work(StepID("take-\(key)"), undoneBy: StepID("release-\(key)")),
                .work(StepID("copy-\(key)"), after: [StepID("take-\(key)")]),
                .undo(StepID("release-\(key)"), of: StepID("take-\(key)"), after: [StepID("take-\(key)"), StepID("copy-\(key)")]),
            ]
        }
        let job = try await hand.submit(steps)
        for step in try await hand.claim(worker) { try await hand.finish(step) }
        let copies = try await hand.claim(worker).sorted { $0.step < $1.step }
        let events = zip(copies, ["one", "two"]).map { end($0, FinishedStep(bases: [base($1)])) }
        for outcome in try await together(events, job, hand.store) { #expect(try outcome.get().refusal == nil) }
        for step in try await hand.claim(worker) { try await hand.finish(step) }
        #expect(try await hand.stored(job).job.outcome == .succeeded)
        #expect(try await hand.store.bases().map(\.base) == [base("two")])
        // The first is released by who replaced it.
        let released = try await hand.count(
            "compensations WHERE step = 'release-two' AND former -> 0 -> 'snapshot' ->> 'key' = '\(key("one"))'")
        #expect(released == 1)
    }
}
