import FlowModel
import Basics
import FlowTestKit
import Foundation
import Rigs
import Testing

@testable import WorkflowEngine

@Suite struct FreezeTests {
    @Test func maxHoldThawsThoughTheSnapshotHangs() async throws {
        let hand = try await ServicesHand.start()
        hand.control.hold("snapshot", "before")
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder, maxHold: .seconds(4), attempts: 1))
        let run = try await hand.withWorker { _ in try await hand.waitForEnd(job) }
        let entries = hand.ledger.entries
        let freeze = try #require(entries.first { $0.event == "freeze" })
        let thaw = try #require(entries.first { $0.event == "thaw" })
        #expect(thaw.at - freeze.at < 6_000_000)
        #expect(run.job.outcome == .failed)
        #expect(run["snapshot"]?.error?.code == "window-void")
        #expect(hand.ledger.frozen.isEmpty && hand.ledger.snapshots.isEmpty)
    }

    @Test func aWindowThatWasThawedEarlyIsTakenAgainWhole() async throws {
        let hand = try await ServicesHand.start()
        hand.control.hold("snapshot", "before")
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder, maxHold: .seconds(4)))
        let run = try await hand.withWorker { _ in
            try await eventually("the first window is thawed") { hand.ledger.count("thaw") > 0 }
            hand.control.release("snapshot", "before")
            return try await hand.waitForEnd(job)
        }
        #expect(run.job.outcome == .succeeded)
        #expect(hand.ledger.count("freeze") >= 2)
        #expect(hand.ledger.frozen.isEmpty && hand.ledger.snapshots.isEmpty)
        let entries = hand.ledger.entries
        let snapshot = try #require(entries.lastIndex { $0.event == "snapshot" })
        let freeze = try #require(entries.lastIndex { $0.event == "freeze" })
        #expect(freeze < snapshot)
    }

    @Test func nothingIsFrozenWithoutAGuard() async throws {
        let hand = try await ServicesHand.start()
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder, attempts: 2))
        let configuration = hand.configuration(guardCommand: [hand.folder + "/no-such-program", "guard"])
        let run = try await hand.withWorker(configuration) { _ in try await hand.waitForEnd(job) }
        #expect(hand.ledger.count("freeze") == 0)
        #expect(run["quiesce"]?.error?.code == "guard-failed")
        #expect(run.job.outcome == .failed)
    }

    @Test func aThawThatFailsThreeTimesIsAlarmedAndGoesOn() async throws {
        let hand = try await ServicesHand.start()
        hand.control.fail("thaw", count: 4, permanently: true)
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder))
        let run = try await hand.withWorker { _ in
            try await eventually("the cleanup counts as failed") { try await hand.stored(job).job.cleanup == .failed }
            return try await hand.waitForEnd(job)
        }
        #expect(run.job.outcome == .succeeded && run.job.cleanup == .clean)
        #expect(run["thaw"]?.attempts == 5)
        #expect(hand.ledger.frozen.isEmpty)
    }

    @Test func runReturnsWhenOnlyAFailingCleanupIsLeft() async throws {
        let hand = try await ServicesHand.start()
        hand.control.fail("release", count: 1_000_000, permanently: true)
        let worker = hand.worker(hand.configuration(scope: .owned))
        let id = try await worker.register()
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder), owner: id)
        try await worker.run(until: .jobEnded(job))
        let left = try await hand.stored(job)
        #expect(left.job.outcome == .succeeded && left.job.cleanup == .failed && !left.hasEnded)
        // The next one finishes it.
        hand.control.fail("release", count: 0)
        let run = try await hand.withWorker { _ in try await hand.waitForEnd(job) }
        #expect(run.job.cleanup == .clean)
        #expect(hand.ledger.snapshots.isEmpty)
    }

    @Test(arguments: [
        "quiesce-before", "quiesce-after", "snapshot-before", "snapshot-after", "thaw-before", "copy-within", "release-before",
    ])
    func aCancelStopsTheWorkAndUndoesEverything(point: String) async throws {
        let hand = try await ServicesHand.start()
        let parts = point.split(separator: "-").map(String.init)
        hand.control.hold(parts[0], parts[1])
        // Side by side with the thaw: there is always something to cancel.
        if parts[0] == "thaw" { hand.control.hold("copy", "within") }
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder))
        let run = try await hand.withWorker { _ in
            try await eventually("the step is at \(point)") { hand.control.isHeld(parts[0], parts[1]) }
            let first = try await hand.store.apply(.cancel(by: "ann"), to: job)
            let second = try await hand.store.apply(.cancel(by: "ann"), to: job)
            #expect(second.refusal == .nothingToDo)
            // Told from outside: the worker hears of it by a notification, else by its heartbeat.
            try await hand.store.notify()
            if ["thaw", "release"].contains(parts[0]) {
                #expect(try await hand.stored(job)[StepID(parts[0])]?.state == .running, "an undo is not cancelled")
                hand.control.release(parts[0], parts[1])
            }
            if parts[0] == "release" { #expect(first.refusal == .nothingToDo) }
            return try await hand.waitForEnd(job)
        }
        #expect(run.job.outcome == (parts[0] == "release" ? .succeeded : .cancelled))
        #expect(hand.ledger.frozen.isEmpty && hand.ledger.snapshots.isEmpty)
        #expect(hand.ledger.count("freeze") <= hand.ledger.count("thaw"))
    }
}
