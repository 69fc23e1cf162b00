import FlowModel
import Basics
import FlowTestKit
import Foundation
import PostgreSQL
import Rigs
import Testing

@testable import WorkflowEngine

/// A server of the test's own, stopped and started while steps run.
@Suite struct DatabaseFaultTests {
    private struct Server {
        let cluster: EmbeddedCluster
        let hand: ServicesHand

        static func start() async throws -> (Server, EmbeddedCluster.Lease) {
            let turn = await TestTurn.take()
            let scratch = try ScratchFolder("database-fault")
            let path = NSTemporaryDirectory() + "/snappy-flow-fault-\(getpid())-\(UInt32.random(in: .min ... .max))"
            let cluster = try EmbeddedCluster(path: path, isDurable: true, isDisposable: true, grace: .seconds(1))
            let lease = try await cluster.acquire()
            let store = try await EngineStore.open(lease.settings)
            return (
                Server(cluster: cluster, hand: ServicesHand(settings: lease.settings, store: store, scratch: scratch, turn: turn)), lease
            )
        }
    }

    @Test func aServerRestartInTheMiddleOfAStepIsSurvived() async throws {
        let (server, lease) = try await Server.start()
        let hand = server.hand
        hand.control.hold("copy", "within")
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder, attempts: 1))
        let run = try await hand.withWorker(hand.configuration(lease: .seconds(20))) { _ in
            try await eventually("the copy runs") { hand.control.isHeld("copy", "within") }
            try await eventually("the thaw is reported") { try await hand.stored(job)["thaw"]?.state == .succeeded }
            #expect(try await server.cluster.down(force: true))
            // The copy ends while there is no database: its report waits.
            hand.control.release("copy", "within")
            try await eventually("the copy has ended") { hand.ledger.count("end") == 1 }
            let again = try await server.cluster.acquire()
            defer { withExtendedLifetime(again) {} }
            return try await hand.waitForEnd(job)
        }
        withExtendedLifetime(lease) {}
        #expect(run.job.outcome == .succeeded)
        #expect(run["copy"]?.attempts == 1, "the same attempt was reported later")
        #expect(hand.ledger.snapshots.isEmpty)
    }

    /// However patient its store is: a supervisor waits for it.
    @Test(.timeLimit(.minutes(1)), arguments: [false, true]) func aWorkerEndsThoughTheDatabaseNeverComesBack(isCancelled: Bool) async throws
    {
        let (server, lease) = try await Server.start()
        let patience = RetryPolicy(attempts: 0, backoff: .milliseconds(50), maxBackoff: .milliseconds(200))
        let store = try await EngineStore.open(lease.settings, patience: patience)
        let begun = WakeSignal()
        let log = LogCapture()
        var configuration = server.hand.configuration(lease: .seconds(2))
        configuration.news = { if $0 == .begun { begun.raise() } }
        configuration.log = log.logger
        let worker = Worker(configuration, store: store, catalog: TestCatalog.all)
        let task = Task { try await worker.run() }
        await begun.wait(atMost: .seconds(60))
        #expect(try await server.cluster.down(force: true))
        if isCancelled {
            // As by a `run` that has waited for the database for long enough: its worker looks for it under a new name meanwhile.
            try await eventually("it looks for the database") { log.contains("registering again") }
            task.cancel()
        } else {
            await worker.shutDown(grace: .milliseconds(0))
        }
        // Returns at all.
        let end = await task.result
        if !isCancelled { try end.get() }
        #expect(log.lines.count < 1000, "it does not spin")
        withExtendedLifetime(lease) {}
    }

    @Test func aWorkerThatCannotReachTheDatabaseThawsFirstAndReportsLater() async throws {
        let (server, lease) = try await Server.start()
        let hand = server.hand
        hand.control.hold("snapshot", "before")
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder, maxHold: .minutes(5), attempts: 1))
        let run = try await hand.withWorker(hand.configuration(lease: .seconds(3))) { _ in
            try await eventually("it is frozen and the snapshot hangs") { hand.control.isHeld("snapshot", "before") }
            #expect(try await server.cluster.down(force: true))
            try await eventually("it is thawed without a database") { hand.ledger.frozen.isEmpty }
            hand.control.release("snapshot", "before")
            let again = try await server.cluster.acquire()
            defer { withExtendedLifetime(again) {} }
            return try await hand.waitForEnd(job)
        }
        withExtendedLifetime(lease) {}
        #expect(run.job.outcome == .succeeded && run.job.cleanup == .clean)
        #expect(run.window("w")?.failures == 0, "a lost lease burns no try")
        #expect(hand.ledger.count("freeze") == 2)
        #expect(hand.ledger.frozen.isEmpty && hand.ledger.snapshots.isEmpty)
    }
}
