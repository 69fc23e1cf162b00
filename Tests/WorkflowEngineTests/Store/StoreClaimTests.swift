import Basics
import FlowModel
import PostgreSQL
import Rigs
import StepKit
import Synchronization
import Testing

@testable import WorkflowEngine

@Suite struct StoreClaimTests {
    @Test func manyWorkersRaceAndEachStepHasOneWinner() async throws {
        let hand = try await StoreHand.start()
        for _ in 0..<10 { _ = try await hand.submit([.work("a"), .work("b"), .work("c")].independent) }
        for number in 0..<6 { try await hand.register("w\(number)") }
        let count = Count()
        let claimed = try await withThrowingTaskGroup(of: [ClaimedStep].self) { group in
            for number in 0..<6 {
                group.addTask {
                    let other = try await hand.another()
                    var mine: [ClaimedStep] = []
                    // A job that another claim has locked is skipped, so an empty answer is not yet the end.
                    for _ in 0..<1000 where count.value.load(ordering: .relaxed) < 30 {
                        let more = try await other.claim(WorkerID(rawValue: "w\(number)"), limit: 2)
                        count.value.add(more.count, ordering: .relaxed)
                        mine += more
                    }
                    return mine
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(claimed.count == 30)
        #expect(Set(claimed.map { "\($0.job)/\($0.step)" }).count == 30)
        #expect(try await hand.count("attempts") == 30)
    }

    @Test func undoGoesFirstThenClassThenPriorityThenAge() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        func step(_ id: StepID, _ workClass: WorkClass, priority: Int = 0) -> PlannedStep {
            PlannedStep(id: id, verb: "exec", priority: priority, workClass: workClass)
        }
        _ = try await hand.submit([step("prune", .prune)])
        _ = try await hand.submit([step("old", .backup)])
        _ = try await hand.submit([step("urgent", .backup, priority: 1), step("window", .window)])
        let job = try await hand.submit([.work("acquire", undoneBy: "undo"), .undo("undo", of: "acquire", after: ["acquire"])])
        let acquired = try #require(try await hand.claim(worker) { $0.id == "acquire" }.first)
        try await hand.finish(acquired)
        #expect(acquired.job == job)
        let other = try await hand.register("w2")
        let order = try await hand.claim(other).map(\.step)
        #expect(order == ["undo", "window", "urgent", "old", "prune"])
    }

    @Test func anOldStepOvertakesOneOfHigherPriority() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        _ = try await hand.submit([PlannedStep(id: "old", verb: "exec")])
        // As after 25 minutes of waiting.
        try await hand.execute("UPDATE steps SET ready_at = ready_at - interval '25 minutes', rank = rank - 1500000000")
        _ = try await hand.submit([PlannedStep(id: "new", verb: "exec", priority: 2)])
        _ = try await hand.submit([PlannedStep(id: "newer", verb: "exec", priority: 3)])
        #expect(try await hand.claim(worker).map(\.step) == ["newer", "old", "new"])
    }

    @Test func hostLabelsAndWorkersAreRespected() async throws {
        let hand = try await StoreHand.start()
        let plain = try await hand.register("plain")
        let labelled = try await hand.register("labelled", host: "host2")
        _ = try await hand.submit([PlannedStep(id: "here", verb: "exec", runOn: ["site": "nyc1"])])
        #expect(try await hand.claim(plain).isEmpty)
        #expect(try await hand.claim(labelled, host: "host2", labels: ["site": "lon1"]).isEmpty)
        #expect(try await hand.claim(labelled, host: "host2", labels: ["site": "nyc1", "more": "x"]).map(\.step) == ["here"])
        // What was made on host2 is undone there.
        let job = try await hand.submit([.work("acquire", undoneBy: "undo"), .undo("undo", of: "acquire", after: ["acquire"])])
        let request = ClaimRequest(worker: labelled, host: "host2", labels: [:], scope: .fleet, limit: 1) { _, _, _ in
            Claimant(worker: labelled, host: "host2", acquiresOnHost: true)
        }
        let acquired = try #require(try await hand.store.claim(request).first)
        try await hand.finish(acquired)
        #expect(try await hand.claim(plain).isEmpty)
        let undo = try #require(try await hand.claim(labelled, host: "host2").first)
        #expect(undo.step == "undo" && undo.job == job)
    }

    @Test func whatAWorkerRefusesDoesNotHideWhatItCanDo() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        for _ in 0..<40 { _ = try await hand.submit([PlannedStep(id: "secret", verb: "exec")]) }
        _ = try await hand.submit([PlannedStep(id: "open", verb: "exec")])
        var found: [StepID] = []
        for _ in 0..<4 where found.isEmpty { found = try await hand.claim(worker, limit: 1) { $0.id == "open" }.map(\.step) }
        #expect(found == ["open"])
        #expect(try await hand.count("steps WHERE state = 'ready'") == 40)
        #expect(try await hand.count("attempts") == 1)
    }

    @Test func aWindowStaysWithTheWorkerThatOpenedIt() async throws {
        let hand = try await StoreHand.start()
        let first = try await hand.register("first")
        let second = try await hand.register("second")
        _ = try await hand.submit(.backup())
        let quiesce = try #require(try await hand.claim(first).first)
        try await hand.finish(quiesce)
        #expect(try await hand.claim(second).isEmpty)
        let snapshot = try #require(try await hand.claim(first).first)
        #expect(snapshot.step == "snapshot")
        try await hand.finish(snapshot)
        // The copy is anybody's; the thaw is not.
        #expect(try await hand.claim(second).map(\.step) == ["copy"])
        #expect(try await hand.claim(first).map(\.step) == ["thaw"])
    }

    @Test func ownedJobsAreTheirOwnersUntilItDies() async throws {
        let hand = try await StoreHand.start()
        let owner = try await hand.register("owner", lease: .seconds(60))
        let fleet = try await hand.register("fleet")
        _ = try await hand.submit([.work("a")], owner: owner)
        #expect(try await hand.claim(fleet).isEmpty)
        #expect(try await hand.claim(owner, limit: 0).isEmpty)
        try await hand.execute("UPDATE workers SET lease_until = now() - interval '1 second' WHERE id = 'owner'")
        #expect(try await hand.claim(fleet).map(\.step) == ["a"])
    }

    @Test func aWorkerWhoseLeaseHasPassedClaimsNothing() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        _ = try await hand.submit([.work("a")])
        try await hand.execute("UPDATE workers SET lease_until = now() - interval '1 second'")
        #expect(try await hand.claim(worker).isEmpty)
        #expect(try await hand.store.heartbeat(worker, lease: .seconds(60)) != nil)
        #expect(try await hand.claim(worker).count == 1)
    }

    @Test func claimingUsesTheIndexOfReadySteps() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit([.work("a"), .work("b", after: ["a"])])
        // 100 000 steps of jobs that are over, and as many rows of history.
        try await hand.execute(
            """
            INSERT INTO jobs SELECT tenant, gen_random_uuid(), plan, pipeline, origin, owner, parameters, version, created_at, deadline, stopping,
                stopped_by, 'succeeded', 'clean', now(), round, last_token, armed_count, NULL FROM jobs, generate_series(1, 1000);
            INSERT INTO step_plans SELECT j.id, 's' || n, n, '{}' FROM jobs j, generate_series(1, 100) n WHERE j.ended_at IS NOT NULL;
            INSERT INTO steps (job, id, state, token, attempts, failures, ended_at, generation, class, priority)
                SELECT job, id, 'succeeded', 1, 1, 0, now(), 0, 3, 0 FROM step_plans WHERE planned = '{}';
            INSERT INTO history SELECT tenant, gen_random_uuid(), plan, pipeline, origin, parameters, 'succeeded', NULL, now(), now(), 1, '{}', '[]', '[]'
                FROM jobs, generate_series(1, 100) WHERE ended_at IS NOT NULL;
            ANALYZE;
            """)
        #expect(try await hand.count("history") == 100_000)
        let connection = try await Connection.connect(hand.rig.settings)
        let rows = try await connection.query(
            "EXPLAIN (ANALYZE, BUFFERS) " + EngineStore.sql("claim-candidates"),
            [.text(worker.rawValue), "host1", .texts([]), false, 10, false, .texts([]), .texts([]), nil])
        let plan = try rows.map { try $0.get("QUERY PLAN", as: String.self) }.joined(separator: "\n")
        #expect(plan.contains("steps_ready"), "\(plan)")
        #expect(!plan.contains("Seq Scan on steps"), "\(plan)")
        let clock = ContinuousClock()
        let begun = clock.now
        let claimed = try await hand.claim(worker)
        let elapsed = clock.now - begun
        #expect(claimed.map(\.job) == [job])
        print("claim of one step beside 100 000 old ones: \(elapsed)")
    }
}

extension [PlannedStep] {
    /// Without order between them.
    var independent: [PlannedStep] {
        map { step in
            var step = step
            step.after = []
            return step
        }
    }
}

private final class Count: Sendable {
    let value = Atomic(0)
}
