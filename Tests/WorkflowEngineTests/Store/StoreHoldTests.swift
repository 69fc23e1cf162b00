import Basics
import FlowModel
import PostgreSQL
import Rigs
import StepKit
import Testing

@testable import WorkflowEngine

@Suite struct StoreHoldTests {
    private func holder(_ id: StepID, _ holds: Hold...) -> PlannedStep { PlannedStep(id: id, verb: "copy", holds: holds) }

    @Test func exclusiveKeepsEverybodyElseOut() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let exclusive = Hold(resource: "repository/r", mode: .exclusive)
        let shared = Hold(resource: "repository/r", mode: .shared)
        _ = try await hand.submit([holder("prune", exclusive)])
        _ = try await hand.submit([holder("copy1", shared)])
        _ = try await hand.submit([holder("copy2", shared)])
        let prune = try await hand.claim(worker)
        #expect(prune.map(\.step) == ["prune"])
        #expect(try await hand.claim(worker).isEmpty)
        try await hand.finish(prune[0])
        let copies = try await hand.claim(worker)
        #expect(Set(copies.map(\.step)) == ["copy1", "copy2"])
        _ = try await hand.submit([holder("prune", exclusive)])
        #expect(try await hand.claim(worker).isEmpty)
        for copy in copies { try await hand.finish(copy) }
        #expect(try await hand.claim(worker).map(\.step) == ["prune"])
    }

    @Test func aLimitHasItsNumberOfHolders() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let limit = Hold(resource: "limit/array", mode: .counted)
        for number in 0..<5 { _ = try await hand.submit([holder(StepID("copy\(number)"), limit)], limits: ["array": 2]) }
        var running = try await hand.claim(worker)
        #expect(running.count == 2)
        #expect(try await hand.claim(worker).isEmpty)
        var done = 0
        while let step = running.popLast() {
            try await hand.finish(step)
            done += 1
            running += try await hand.claim(worker)
            #expect(running.count <= 2)
        }
        #expect(done == 5)
    }

    @Test func blockedStepsAtTheFrontDoNotStarveTheRest() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let exclusive = Hold(resource: "repository/r", mode: .exclusive)
        for _ in 0..<60 { _ = try await hand.submit([holder("prune", exclusive)]) }
        _ = try await hand.submit([holder("free")])
        #expect(try await hand.claim(worker, limit: 1).map(\.step) == ["prune"])
        #expect(try await hand.claim(worker, limit: 1).map(\.step) == ["free"])
    }

    @Test func aWindowHoldsItsSystemsFromFirstQuiesceToLastThaw() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        var definition = RunDefinition.backup()
        definition.steps = definition.steps.map { step in
            var step = step
            if ["quiesce", "snapshot", "copy"].contains(step.id) { step.holds = [Hold(resource: "system/x", mode: .exclusive)] }
            return step
        }
        let first = try await hand.submit(definition)
        let second = try await hand.submit(definition)
        let quiesce = try await hand.claim(worker)
        #expect(quiesce.map(\.job) == [first])
        try await hand.finish(quiesce[0])
        #expect(try await hand.count("holds WHERE owner = 'window:w'") == 1)
        let snapshot = try await hand.claim(worker)
        #expect(snapshot.map(\.step) == ["snapshot"])
        try await hand.finish(snapshot[0])
        // The job's own copy is not kept out by the job's own window.
        let both = try await hand.claim(worker)
        #expect(Set(both.map(\.step)) == ["thaw", "copy"])
        #expect(both.allSatisfy { $0.job == first })
        try await hand.finish(try #require(both.first { $0.step == "thaw" }))
        #expect(try await hand.claim(worker).map(\.job) == [second])
    }

    @Test func manyClaimsAtOnceNeverExceedALimit() async throws {
        let hand = try await StoreHand.start()
        let holds = [Hold(resource: "limit/array", mode: .counted), Hold(resource: "repository/r", mode: .shared)]
        for number in 0..<12 {
            _ = try await hand.submit([PlannedStep(id: StepID("copy\(number)"), verb: "copy", holds: holds)], limits: ["array": 3])
        }
        for number in 0..<4 { try await hand.register("w\(number)") }
        let most = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<4 {
                group.addTask {
                    var most = 0
                    for _ in 0..<25 {
                        let claimed = try await hand.claim(WorkerID(rawValue: "w\(number)"))
                        most = max(most, try await hand.count("steps WHERE state = 'running'"))
                        for step in claimed { try await hand.finish(step) }
                    }
                    return most
                }
            }
            return try await group.reduce(0) { max($0, $1) }
        }
        #expect((1...3).contains(most))
        #expect(try await hand.count("steps WHERE state = 'succeeded'") == 12)
        #expect(try await hand.count("holds") == 0)
    }

    /// A list of candidates may be older than the lock on their job: what it names was started, and holds what it needs.
    @Test func whatAnotherClaimHasStartedKeepsItsHolds() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let holds = [Hold(resource: "limit/array", mode: .counted), Hold(resource: "repository/r", mode: .shared)]
        let job = try await hand.submit([PlannedStep(id: "copy", verb: "copy", holds: holds)], limits: ["array": 3])
        let started = try await hand.claim(worker)
        #expect(started.count == 1)
        #expect(try await hand.count("holds") == 2)

        let record = try #require(try await hand.store.load([job]).first)
        var batch = ClaimBatch([record], now: try await hand.store.now())
        batch.plans[job] = started[0].plan
        batch.add(.init(job: job, step: "copy"), Claimant(worker: WorkerID(rawValue: "other"), host: "host1"))
        #expect(batch.count == 0 && batch.wants(covered: []).isEmpty)

        // Whoever takes something for it all the same gives back no more than that.
        let connection = try await Connection.connect(hand.rig.settings)
        try await connection.execute(script: "BEGIN")
        let wants = ["shared", "counted"].map { mode in
            ClaimBatch.WantedHold(
                tenant: "default", job: job, owner: "step:copy", resource: mode == "shared" ? "repository/r" : "limit/array",
                mode: mode == "shared" ? .shared : .counted, capacity: mode == "shared" ? nil : 3)
        }
        let taken = try await connection.query(EngineStore.sql("take-holds"), [.json(try JSONValue(encoding: wants))])
        #expect(taken.count == 2)
        #expect(try await connection.query("SELECT FROM holds").count == 4)
        try await connection.query(EngineStore.sql("give-back-holds"), [.texts([job.rawValue]), .texts(["step:copy"])])
        #expect(try await connection.query("SELECT FROM holds").count == 2)
        try await connection.execute(script: "COMMIT")
        #expect(try await hand.count("holds WHERE resource = 'limit/array'") == 1)
    }

    @Test func theConstraintRefusesWhatTheCodeMightLetThrough() async throws {
        let hand = try await StoreHand.start()
        let job = try await hand.submit([.work("a")])
        func insert(_ mode: String, _ slots: String) async throws {
            try await hand.execute(
                "INSERT INTO holds (tenant, resource, mode, slots, job, owner) VALUES ('default', 'r', '\(mode)', \(slots), '\(job)', 'step:a')"
            )
        }
        try await insert("shared", "int4range(1, 2)")
        try await insert("shared", "int4range(2, 3)")
        await #expect { try await insert("exclusive", "int4range(NULL, NULL)") } throws: {
            ($0 as? PostgreSQLError)?.sqlState == .exclusionViolation
        }
        await #expect { try await insert("exclusive", "int4range(7, 8)") } throws: { ($0 as? PostgreSQLError)?.sqlState == .checkViolation }
    }
}
