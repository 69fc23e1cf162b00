import Basics
import FlowModel
import FlowTestKit
import Foundation
import Rigs
import Testing

@testable import WorkflowEngine

@Suite struct WaitingAndTimeTests {
    private func approval(_ hand: ServicesHand, timeout: TimeSpan? = nil) -> Plan {
        Plan(
            pipeline: "test", systems: ["box": TestPlan.system(hand.folder)],
            steps: [
                PlannedStep(id: "approve", verb: "approve", timeout: timeout),
                PlannedStep(id: "copy", verb: "copy", after: [Dependency(step: "approve", reason: .order)], systems: ["box"]),
            ])
    }

    @Test func anApprovalLetsTheJobGoOn() async throws {
        let hand = try await ServicesHand.start()
        let job = try await hand.submit(approval(hand))
        let run = try await hand.withWorker { _ in
            try await eventually("it waits") { try await hand.stored(job)["approve"]?.state == .waiting }
            _ = try await hand.store.apply(.signal("approve", StepSignal(isGood: true, by: "ann")), to: job)
            return try await hand.waitForEnd(job)
        }
        #expect(run.job.outcome == .succeeded)
    }

    @Test func aWaitEndsInTimeThoughNobodyAnswers() async throws {
        let hand = try await ServicesHand.start()
        let job = try await hand.submit(approval(hand, timeout: .milliseconds(300)))
        let run = try await hand.withWorker { _ in try await hand.waitForEnd(job) }
        #expect(run["approve"]?.error?.code == "timed-out")
        #expect(run.job.outcome == .failed && hand.ledger.count("begin") == 0)
    }

    @Test func anAttemptThatTakesTooLongIsStoppedAndTriedAgain() async throws {
        let hand = try await ServicesHand.start()
        hand.control.hold("copy", "within")
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder, timeout: .seconds(1)))
        let run = try await hand.withWorker { _ in
            try await eventually("the first try was stopped") { hand.ledger.count("stopped") == 1 }
            hand.control.release("copy", "within")
            return try await hand.waitForEnd(job)
        }
        #expect(run.job.outcome == .succeeded)
        #expect(run["copy"]?.failures ?? 0 >= 1)
        #expect(hand.ledger.count("end") == 1)
    }

    @Test func aDeadlineEndsTheJobAndUndoesEverything() async throws {
        let hand = try await ServicesHand.start()
        hand.control.hold("copy", "within")
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder), deadline: .seconds(3))
        let run = try await hand.withWorker { _ in try await hand.waitForEnd(job) }
        #expect(run.job.outcome == .failed && run["copy"]?.state == .cancelled)
        #expect(hand.ledger.frozen.isEmpty && hand.ledger.snapshots.isEmpty)
    }

    @Test func aWakeUpBeforeTheWaitIsNotLost() async throws {
        let signal = WakeSignal()
        signal.raise()
        await signal.wait()
        async let second: Void = signal.wait()
        signal.raise()
        await second
        let start = ContinuousClock.now
        await signal.wait(atMost: .milliseconds(20))
        #expect(ContinuousClock.now - start >= .milliseconds(20))
    }

    @Test func whatIsBoundToAHostIsUndoneThereOnly() async throws {
        let hand = try await ServicesHand.start()
        hand.control.hold("copy", "within")
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder))
        let first = try await WorkerProcess.start(hand, host: "host1")
        try await eventually("the copy runs") { hand.control.isHeld("copy", "within") }
        try await eventually("the thaw is reported") { try await hand.stored(job)["thaw"]?.state == .succeeded }
        try await first.crash()
        hand.control.release("copy", "within")
        try await hand.withWorker(hand.configuration(host: "host2")) { _ in
            try await eventually("the copy is given back") { try await hand.stored(job)["copy"]?.state == .ready }
            #expect(try await hand.stored(job)["copy"]?.boundHost == "host1")
        }
        #expect(hand.ledger.count("release") == 0)
        let run = try await hand.withWorker(hand.configuration(host: "host1")) { _ in try await hand.waitForEnd(job) }
        #expect(run.job.outcome == .succeeded)
        #expect(hand.ledger.snapshots.isEmpty)
    }
}
