import Basics
import FlowModel
import FlowTestKit
import InMemoryLogging
import Logging
import PostgreSQL
import Rigs
import Testing

@testable import WorkflowEngine

/// What a worker's log says of attempts and jobs.
@Suite struct JobLogTests {
    /// One copy succeeds, the next fails.
    private func submit(_ hand: ServicesHand, owner: WorkerID? = nil) async throws -> JobID {
        hand.control.fail("two", count: 100, permanently: true)
        return try await hand.submit(TestPlan.copies(["one", "two"], folder: hand.folder), owner: owner)
    }

    @Test func aFailureIsSaidWithItsRow() async throws {
        let hand = try await ServicesHand.start()
        let log = LogCapture()
        var configuration = hand.configuration()
        configuration.log = log.logger
        let job = try await submit(hand)
        let run = try await hand.withWorker(configuration) { _ in try await hand.waitForEnd(job) }
        #expect(run.job.outcome == .failed)
        let own = log.entries.filter { $0.metadata["job"] == "\(job)" }
        let begun = own.filter { $0.message == "an attempt begins" }
        #expect(begun.map { $0.metadata["step"] } == ["one", "two"])
        #expect(begun.allSatisfy { $0.level == .info && $0.metadata["verb"] == "copy" })
        let ended = own.filter { $0.message == "an attempt has ended" }
        #expect(ended.map { $0.metadata["outcome"] } == ["succeeded", "failed"] && ended.map(\.level) == [.info, .warning])
        #expect(ended.allSatisfy { $0.metadata["attempt"] == .stringConvertible(1) })
        #expect(ended.last?.error.map { "\($0)" }?.contains("a failure that the test asked for") == true)
        let worker = try await hand.store.pool.query("SELECT id FROM workers").map { try $0.get("id", as: String.self) }
        #expect(own.allSatisfy { $0.metadata["worker"] == "\(worker.first ?? "")" } && worker.count == 1)
        let end = own.filter { $0.message == "the job has ended" }
        #expect(end.map(\.level) == [.error] && end.first?.metadata["outcome"] == "failed", "\(log.lines)")
    }

    /// Who waits for a job shows himself what becomes of it.
    @Test func anAwaitedJobIsNoNews() async throws {
        let hand = try await ServicesHand.start()
        let log = LogCapture()
        var configuration = hand.configuration(scope: .owned)
        configuration.log = log.logger
        let worker = hand.worker(configuration)
        let job = try await submit(hand, owner: try await worker.register())
        try await worker.run(until: .jobEnded(job))
        let own = log.entries.filter { $0.metadata["job"] == "\(job)" }
        #expect(own.contains { $0.message == "the job has ended" && $0.metadata["outcome"] == "failed" })
        #expect(own.allSatisfy { $0.level <= .info }, "\(log.lines)")
    }

    @Test func whatHoldsSecretsShowsNone() {
        let marker = "marker-of-the-secret"
        let text =
            printed(EnvironmentSecrets(environment: ["TOKEN": marker]))
            + printed(SealingKey(bytes: Array(marker.utf8), maker: "anna@web1"))
        #expect(text.contains("anna@web1") && !text.contains(marker) && !text.contains("\(Array(marker.utf8))"), "\(text)")
    }
}
