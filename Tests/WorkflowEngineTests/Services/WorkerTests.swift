import FlowModel
import FlowTestKit
import PostgreSQL
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
        let notices = Mutex(0)
        var configuration = hand.configuration(scope: .owned)
        configuration.notice = { text in if text.contains("claiming") { notices.withLock { $0 += 1 } } }
        let connection = try await Connection.connect(hand.settings)
        try await connection.execute(script: "ALTER TABLE holds RENAME TO held")
        try await hand.worker(configuration).run(until: .jobEnded(job))
        #expect(notices.withLock { $0 } == 2)
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
