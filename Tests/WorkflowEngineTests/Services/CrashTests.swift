import FlowModel
import Basics
import FlowTestKit
import Foundation
import Rigs
import Testing

@testable import WorkflowEngine

/// Worker processes are killed between any two transactions and in the middle of every body; what counts is the ledger.
@Suite struct CrashTests {
    @Test(arguments: [
        "quiesce-before", "quiesce-after", "snapshot-before", "snapshot-after", "thaw-before", "thaw-after", "copy-within",
        "release-before",
        "release-after",
    ]) func aKilledWorkersJobIsFinishedByTheNext(point: String) async throws {
        let hand = try await ServicesHand.start()
        let parts = point.split(separator: "-").map(String.init)
        hand.control.hold(parts[0], parts[1])
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder))
        let first = try await WorkerProcess.start(hand)
        try await eventually("the step is at \(point)") { hand.control.isHeld(parts[0], parts[1]) }
        try await first.crash()
        hand.control.release(parts[0], parts[1])
        // Nobody has come yet: the guard alone thaws.
        try await eventually("nothing is frozen") { hand.ledger.frozen.isEmpty }

        let second = try await WorkerProcess.start(hand)
        let run = try await hand.waitForEnd(job)
        second.send(SIGTERM)
        #expect(run.job.outcome == .succeeded && run.job.cleanup == .clean)
        #expect(hand.ledger.frozen.isEmpty && hand.ledger.snapshots.isEmpty)
        // Beside a thaw the copy may have ended, unreported, when the worker was killed.
        #expect(hand.ledger.count("end") == 1 || parts[0] == "thaw")
        if point == "copy-within" { #expect(hand.ledger.count("resume") == 1) }
        #expect(run["copy"]?.failures == 0, "a crash burns no try")
        try await eventually("the second worker has ended") { !second.isRunning }
        #expect(second.exitStatus == 0)
    }

    @Test func aStoppedWorkersLateWritesChangeNothing() async throws {
        let hand = try await ServicesHand.start()
        hand.control.hold("copy", "within")
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder))
        let first = try await WorkerProcess.start(hand)
        try await eventually("the copy runs") { hand.control.isHeld("copy", "within") }
        let token = try await hand.stored(job)["copy"]?.token ?? -1
        first.send(SIGSTOP)
        let second = try await WorkerProcess.start(hand)
        try await eventually("the other worker has the copy") { try await hand.stored(job)["copy"]?.token ?? 0 > token }
        hand.control.release("copy", "within")
        let run = try await hand.waitForEnd(job)
        first.send(SIGCONT)
        try await eventually("the first one noticed") {
            hand.ledger.entries.contains { $0.process == first.id && $0.event == "stopped" || $0.event == "end" }
        }
        first.send(SIGTERM)
        second.send(SIGTERM)
        try await eventually("both have ended") { !first.isRunning && !second.isRunning }
        #expect(try await hand.stored(job) == run, "the late writes changed nothing")
        #expect(run.job.outcome == .succeeded)
    }

    @Test func aStolenLeaseStopsTheBodyAndTheStepGoesOnElsewhere() async throws {
        let hand = try await ServicesHand.start()
        hand.control.hold("copy", "within")
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder))
        let first = try await WorkerProcess.start(hand)
        try await eventually("the copy runs") { hand.control.isHeld("copy", "within") }
        let owner = try #require(try await hand.stored(job)["copy"]?.worker)
        // Another process believes it dead.
        #expect(try await hand.store.apply(.workerLost(owner), to: job).refusal == nil)
        hand.control.release("copy", "within")
        let run = try await hand.waitForEnd(job)
        first.send(SIGTERM)
        try await eventually("the worker has ended") { !first.isRunning }
        #expect(run.job.outcome == .succeeded)
        #expect(run["copy"]?.failures == 0)
        #expect(hand.ledger.snapshots.isEmpty)
    }

    @Test func aShutdownGivesTheStepBackAndBurnsNoTry() async throws {
        let hand = try await ServicesHand.start()
        hand.control.hold("copy", "within")
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder, attempts: 1))
        let worker = hand.worker()
        let task = Task { try await worker.run() }
        try await eventually("the copy runs") { hand.control.isHeld("copy", "within") }
        await worker.shutDown(grace: .milliseconds(50))
        try await task.value
        let given = try await hand.stored(job)
        #expect(given["copy"]?.state == .ready && given["copy"]?.failures == 0)
        #expect(hand.ledger.count("stopped") == 1)
        hand.control.release("copy", "within")
        let run = try await hand.withWorker { _ in try await hand.waitForEnd(job) }
        #expect(run.job.outcome == .succeeded)
        #expect(hand.ledger.count("resume") == 1)
    }
}
