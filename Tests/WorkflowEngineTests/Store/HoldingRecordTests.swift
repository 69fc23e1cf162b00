import Basics
import FlowModel
import PostgreSQL
import Rigs
import StepKit
import Testing

@testable import WorkflowEngine

/// What the database knows of what lies outside: it is proved ours by its key, and needed as long as a job, an undo or an increment needs it.
@Suite struct HoldingRecordTests {
    private static let acquiring: [PlannedStep] = [.work("acquire", undoneBy: "undo"), .undo("undo", of: "acquire", after: ["acquire"])]

    private func key(_ job: JobID, generation: Int = 1) -> String { StepKey(job: job, step: "acquire", generation: generation).text }

    private func record(_ key: String, _ hand: StoreHand) async throws -> HoldingRecord? {
        try await hand.store.holdingRecords(of: [key])[key]
    }

    private func finishAll(_ worker: WorkerID, _ hand: StoreHand) async throws {
        while case let claimed = try await hand.claim(worker), !claimed.isEmpty {
            for step in claimed { try await hand.finish(step) }
        }
    }

    @Test func whatAJobMadeIsKnownWhenTheJobIsForgotten() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit(Self.acquiring)
        #expect(try await record(key(job), hand) == nil, "nothing was armed yet")
        try await hand.finish(try #require(try await hand.claim(worker).first))
        let armed = try #require(try await record(key(job), hand))
        #expect(
            armed.claim == .armed && armed.job == job && armed.acquirer == "acquire" && armed.step == "undo" && armed.pipeline == "test")
        #expect(try await record(key(job) + "-3", hand)?.claim == .armed, "of one of several systems")
        try await finishAll(worker, hand)
        let over = try #require(try await record(key(job), hand))
        #expect(over.claim == nil && over.armedAt == armed.armedAt)
        #expect(try await hand.store.moveToHistory(endedFor: .seconds(0)) == 1)
        try await hand.execute("DELETE FROM history")
        #expect(try await record(key(job), hand) == over)
    }

    @Test func anotherDatabasesIsNotKnown() async throws {
        let (hand, other) = (try await StoreHand.start(), try await StoreHand.start())
        let worker = try await hand.register("w")
        let job = try await hand.submit(Self.acquiring)
        _ = try await hand.claim(worker)
        #expect(try await record(key(job), hand) != nil)
        #expect(try await record(key(job), other) == nil)
        #expect(try await hand.store.holdingRecords(of: [key(job, generation: 2), "sf-nonsense", "", "x'; --"]).isEmpty)
    }

    @Test func aJobThatGoesOnClaimsWhatItHasUndone() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit(Self.acquiring + [.work("last", after: ["acquire"])])
        try await hand.finish(try #require(try await hand.claim(worker).first))
        let undo = try #require(try await hand.claim(worker).first { $0.step == "undo" })
        try await hand.finish(undo)
        #expect(try await record(key(job), hand)?.claim == .jobGoesOn)
    }

    @Test func basesAndThoseThatTheyReplacedAreClaimed() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit(Self.acquiring)
        try await finishAll(worker, hand)
        let base = """
            {"systemIdentity": "s", "repositoryID": "r", "snapshotID": "x", "snapshot": {"key": "\(key(job))-1", "state": {}}, "acquiredBy": "acquire"}
            """
        try await hand.execute(
            "INSERT INTO bases (tenant, system, repository, base, snapshot_key, job, recorded_at) VALUES ('default', 's', 'r', '\(base)', '\(key(job))-1', '\(job)', now())"
        )
        #expect(try await record(key(job) + "-1", hand)?.claim == .base)
        #expect(try await record(key(job) + "-0", hand)?.claim == nil, "another system's")
        let next = try await hand.submit(Self.acquiring)
        try await hand.finish(try #require(try await hand.claim(worker).first { $0.job == next }))
        try await hand.execute("DELETE FROM bases; UPDATE compensations SET former = '[\(base)]' WHERE job = '\(next)'")
        #expect(try await record(key(job) + "-1", hand)?.claim == .formerBase)
    }

    @Test func anUpgradeKnowsWhatWasMadeBefore() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let past = try await hand.submit(Self.acquiring)
        try await finishAll(worker, hand)
        #expect(try await hand.store.moveToHistory(endedFor: .seconds(0)) == 1)
        let held = try await hand.submit(Self.acquiring)
        try await hand.finish(try #require(try await hand.claim(worker).first))
        let before = try await hand.store.holdingRecords(of: [key(past), key(held)])
        #expect(before.count == 2)
        let connection = try await Connection.connect(hand.rig.settings)
        try await Migrator().move(connection, to: 5)
        try await Migrator().migrate(connection)
        #expect(try await hand.another().store.holdingRecords(of: [key(past), key(held)]) == before)
    }

    @Test func namesAreForgottenWhenNobodyCanWantThem() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let past = try await hand.submit(Self.acquiring)
        try await finishAll(worker, hand)
        let held = try await hand.submit(Self.acquiring)
        try await hand.finish(try #require(try await hand.claim(worker).first))
        try await hand.store.tidy()
        #expect(try await hand.count("outside_names") == 2)
        try await hand.execute("UPDATE outside_names SET armed_at = armed_at - interval '4 years'")
        try await hand.store.tidy()
        #expect(try await record(key(past), hand) == nil)
        #expect(try await record(key(held), hand)?.claim == .armed)
    }

    @Test func nobodyOpensAWindowWhileAForgottenFreezeIsThawed() async throws {
        let hand = try await StoreHand.start()
        let job = try await hand.submit([.work("a")])
        let hold = """
            INSERT INTO holds (tenant, resource, mode, slots, job, owner) VALUES ('default', 'system/x', 'exclusive', int4range(NULL, NULL), '\(job)', 'window:w')
            """
        let settings = hand.rig.settings
        let isDone = try await hand.store.withoutWindows {
            let other = try await Connection.connect(settings)
            try await other.execute(script: "SET lock_timeout = '100ms'")
            let error = await #expect(throws: PostgreSQLError.self) { try await other.execute(script: hold) }
            #expect(error?.sqlState?.rawValue == "55P03", "\(String(describing: error))")
        }
        #expect(isDone)
        try await hand.execute(hold)
        #expect(try await !hand.store.withoutWindows { Issue.record("a window is open") })
    }
}
