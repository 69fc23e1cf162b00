import FlowModel
import FlowTestKit
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
