import Basics
import FlowModel
import FlowTestKit
import PostgreSQL
import Rigs
import StepKit
import Synchronization
import Testing

@testable import WorkflowEngine

@Suite struct WorkerTests {
    @Test func aBackupRunsToItsEndAndLeavesNothingBehind() async throws {
        let hand = try await ServicesHand.start()
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder))
        let run = try await hand.withWorker { _ in try await hand.waitForEnd(job) }
        #expect(run.job.outcome == .succeeded && run.job.cleanup == .clean)
        #expect(hand.ledger.entries.map(\.event).filter { $0 != "thaw" && $0 != "begin" } == ["freeze", "snapshot", "end", "release"])
        #expect(hand.ledger.count("thaw") == 1)
        #expect(hand.ledger.frozen.isEmpty && hand.ledger.snapshots.isEmpty)
    }

    @Test func runGoesOnUntilItsOwnJobHasEnded() async throws {
        let hand = try await ServicesHand.start()
        let news = Mutex<[WorkerConfiguration.News]>([])
        var configuration = hand.configuration(scope: .owned)
        configuration.news = { said in news.withLock { $0.append(said) } }
        let worker = hand.worker(configuration)
        let id = try await worker.register()
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder), owner: id)
        try await worker.run(until: .jobEnded(job))
        #expect(try await hand.stored(job).job.outcome == .succeeded)
        #expect(news.withLock { $0 } == [.begun, .jobEnded(job)])
    }

    /// What can't be claimed may be a job of somebody else, of a later version say.
    @Test func runEndsThoughNothingCanBeClaimed() async throws {
        let hand = try await ServicesHand.start()
        let first = hand.worker(hand.configuration(scope: .owned))
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder), owner: try await first.register())
        try await first.run(until: .jobEnded(job))
        let log = LogCapture()
        var configuration = hand.configuration(scope: .owned)
        configuration.log = log.logger
        let connection = try await Connection.connect(hand.settings)
        try await connection.execute(script: "ALTER TABLE holds RENAME TO held")
        try await hand.worker(configuration).run(until: .jobEnded(job))
        #expect(log.lines.count { $0.contains("claiming") } == 2)
    }

    @Test func aWorkerThatTheSchemaHasOutgrownFinishesWhatItHoldsAndEnds() async throws {
        let hand = try await ServicesHand.start()
        hand.control.hold("one", "within")
        let job = try await hand.submit(TestPlan.copies(["one", "two"], folder: hand.folder))
        let log = LogCapture()
        var configuration = hand.configuration()
        configuration.log = log.logger
        let worker = hand.worker(configuration)
        let task = Task { try await worker.run() }
        try await eventually("the first step runs") { hand.control.isHeld("one", "within") }
        try await hand.store.pool.query("INSERT INTO schema_migrations (version, name) VALUES (99, 'future')")
        try await eventually("it says so") {
            // Whoever is notified renews its lease, and hears of it so.
            try await hand.store.notify()
            return log.contains("version 99")
        }
        #expect(hand.control.isHeld("one", "within"), "what runs goes on")
        hand.control.release("one", "within")
        let error = await #expect(throws: Explanation.self) { try await task.value }
        #expect(error?.code == "schema-too-new")
        let run = try await hand.stored(job)
        #expect(run["one"]?.state == .succeeded && run["two"]?.state == .ready && run["two"]?.attempts == 0)
        #expect(log.lines.count { $0.contains("version 99") } == 1, "once is enough")
        #expect(try await hand.store.pool.query("SELECT 1 FROM workers WHERE state = 'retired'").count == 1)
    }

    /// On many slots at once the members of a fan-out end while their job is being written.
    @Test func aFanOutHardlyLoadsItsJob() async throws {
        let hand = try await ServicesHand.start()
        // Another process of the same user.
        let other = try await EngineStore.open(hand.settings, key: hand.store.key)
        let count = 40
        let steps = (0..<count).map { PlannedStep(id: StepID("c\($0)"), verb: "copy", systems: ["box"]) }
        let plan = Plan(pipeline: "test", systems: ["box": TestPlan.system(hand.folder)], steps: steps)
        let job = try await other.submit(JobSubmission(plan: plan))
        var configuration = hand.configuration()
        configuration.slots = 16
        let run = try await hand.withWorker(configuration) { _ in
            try await eventually("the job ends", within: .seconds(90)) {
                try await hand.store.pool.query("SELECT 1 FROM jobs WHERE ended_at IS NOT NULL").count == 1
            }
            return try #require(try await other.loadRun(job))
        }
        #expect(run.job.outcome == .succeeded && hand.ledger.count("end") == count)
        // Where a busy machine let a transaction stand still for too long, once more.
        #expect(hand.store.counts.loads.load(ordering: .relaxed) < count / 4)
        #expect(hand.store.counts.lostRaces.load(ordering: .relaxed) < count / 4)
        #expect(hand.store.counts.transitions.load(ordering: .relaxed) < 2 * count + count / 4)
    }

    @Test func transientFailuresAreRetried() async throws {
        let hand = try await ServicesHand.start()
        hand.control.fail("copy", count: 2)
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder))
        let run = try await hand.withWorker { _ in try await hand.waitForEnd(job) }
        #expect(run.job.outcome == .succeeded)
        #expect(run["copy"]?.attempts == 3)
        #expect(hand.ledger.count("resume") == 2, "later attempts go on from the checkpoint")
    }
}
