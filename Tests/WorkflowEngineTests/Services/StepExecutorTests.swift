import Basics
import FlowModel
import FlowTestKit
import Foundation
import PostgreSQL
import Rigs
import StepKit
import Testing

@testable import WorkflowEngine

@Suite struct StepExecutorTests {
    private func copy(_ id: StepID, _ settings: [String: JSONValue] = [:], after: [StepID] = []) -> PlannedStep {
        PlannedStep(
            id: id, verb: "copy", settings: settings, after: after.map { Dependency(step: $0, reason: .output) },
            retry: RetryPolicy(attempts: 1), systems: ["box"])
    }

    private func run(_ hand: ServicesHand, _ steps: [PlannedStep], parameters: [String: JSONValue] = [:]) async throws -> JobRun {
        let plan = Plan(pipeline: "expressions", systems: ["box": TestPlan.system(hand.folder)], steps: steps)
        let job = try await hand.store.submit(JobSubmission(plan: plan, parameters: parameters))
        return try await hand.withWorker { _ in try await hand.waitForEnd(job) }
    }

    @Test func settingsAreResolvedWhenTheStepStarts() async throws {
        let hand = try await ServicesHand.start()
        let run = try await run(
            hand,
            [
                copy("first", ["share": "${parameters.share}"]),
                copy(
                    "second",
                    ["bytes": "${steps.first.outputs.bytes}", "text": "of ${pipeline.name}: ${steps.first.outputs.settings.share}"],
                    after: ["first"]),
            ], parameters: ["share": "10%"])
        #expect(run["second"]?.outputs["settings"] == ["bytes": 100, "text": "of expressions: 10%"])
    }

    @Test func aFalseConditionSkipsAndWrongReferencesFailForGood() async throws {
        let hand = try await ServicesHand.start()
        var skipped = copy("skipped", after: ["first"])
        skipped.when = "${steps.first.outputs.bytes > 1000}"
        let run = try await run(hand, [copy("first"), skipped, copy("wrong", ["x": "${parameters.none}"])])
        #expect(run["skipped"]?.skipped == .condition)
        #expect(run["wrong"]?.state == .failed && run["wrong"]?.error?.retry == .permanent)
        #expect(hand.ledger.count("begin") == 1)
    }

    @Test func aFanOutRunsForEveryItemOfAnOutput() async throws {
        let hand = try await ServicesHand.start()
        var each = copy("each", ["name": "${item}"], after: ["list"])
        each.forEach = FanOut(items: "${steps.list.outputs.settings.machines}", maxParallel: 2)
        each.when = "${item != 'db'}"
        let run = try await run(
            hand,
            [
                copy("list", ["machines": ["web1", "db", "web2"]]), each,
                copy("next", ["all": "${steps.each.outputs.items}"], after: ["each"]),
            ])
        #expect(run.job.outcome == .succeeded)
        #expect(run["each[web1]"]?.outputs["settings"] == ["name": "web1"])
        #expect(run["each[db]"]?.skipped == .condition)
        #expect(run["next"]?.outputs["settings"]?["all"]?.arrayValue?.count == 3)
        #expect(hand.ledger.count("begin") == 4)
    }

    @Test func aShutdownInAnOpenWindowThawsAndBurnsNoTry() async throws {
        let hand = try await ServicesHand.start()
        hand.control.hold("snapshot", "before")
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder, maxHold: .minutes(5), attempts: 1))
        let worker = hand.worker()
        let task = Task { try await worker.run() }
        try await eventually("the snapshot waits") { hand.control.isHeld("snapshot", "before") }
        await worker.shutDown(grace: .milliseconds(50))
        try await task.value
        try await eventually("it is thawed") { hand.ledger.frozen.isEmpty }
        hand.control.release("snapshot", "before")
        let run = try await hand.withWorker { _ in try await hand.waitForEnd(job) }
        #expect(run.job.outcome == .succeeded && run.window("w")?.failures == 0)
        #expect(hand.ledger.frozen.isEmpty && hand.ledger.snapshots.isEmpty)
    }

    /// A connection that breaks because its user was told to end is no fault of the step's.
    @Test(arguments: ["unavailable", "failed", "half-written"])
    func whatACancelEndsIsCancelledWhateverItStumblesOver(_ kind: String) async throws {
        let hand = try await ServicesHand.start()
        hand.control.hold("copy", "within")
        let plan = Plan(
            pipeline: "cancelled", systems: ["box": TestPlan.system(hand.folder)], steps: [copy("copy", ["stumbles": .string(kind)])])
        let job = try await hand.submit(plan)
        let run = try await hand.withWorker { _ in
            try await eventually("the copy runs") { hand.control.isHeld("copy", "within") }
            #expect(try await hand.store.apply(.cancel(by: "ann"), to: job).refusal == nil)
            return try await hand.waitForEnd(job)
        }
        #expect(run.job.outcome == .cancelled && run["copy"]?.state == .cancelled)
        let error = run["copy"]?.error
        // What is left behind is to be known.
        #expect(kind == "half-written" ? error?.code == kind : error == nil, "\(String(describing: error))")
        // What it stumbled over stands in its log.
        let log = try await hand.store.logs(job: job, step: "copy").map(\.message)
        #expect(log.contains { $0.contains("the connection was closed") } == (kind != "half-written"), "\(log)")
    }

    /// Only the heartbeat is stuck: bodies stop before the lease ends, so no two run at once.
    @Test func aWorkerThatCannotRenewItsLeaseStopsItsBodiesBeforeItEnds() async throws {
        let hand = try await ServicesHand.start()
        hand.control.hold("copy", "within")
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder, attempts: 1))
        let run = try await hand.withWorker(hand.configuration(lease: .seconds(2))) { _ in
            try await eventually("the copy runs") { hand.control.isHeld("copy", "within") }
            let blocker = try await Connection.connect(hand.settings)
            try await blocker.execute(script: "BEGIN; SELECT * FROM workers FOR UPDATE")
            try await eventually("the body was stopped") { hand.ledger.count("stopped") == 1 }
            #expect(hand.ledger.count("resume") == 0)
            hand.control.release("copy", "within")
            try await blocker.execute(script: "COMMIT")
            return try await hand.waitForEnd(job)
        }
        #expect(run.job.outcome == .succeeded)
        #expect(run["copy"]?.failures == 0)
        #expect(hand.ledger.count("end") == 1)
    }

    @Test func aJobOfADeadProcessIsTakenUpAtOnceAndFinishedBeforeRunReturns() async throws {
        let hand = try await ServicesHand.start()
        hand.control.hold("snapshot", "after")
        // Its lease would last for minutes.
        let orphan = try await hand.submit(TestPlan.backup(folder: hand.folder))
        let first = try await WorkerProcess.start(hand, lease: .minutes(5))
        try await eventually("the snapshot is taken") { hand.control.isHeld("snapshot", "after") }
        try await first.crash()
        hand.control.release("snapshot", "after")
        let worker = hand.worker(hand.configuration(scope: .fleet))
        let job = try await hand.submit(TestPlan.copies(["own"], folder: hand.folder))
        try await worker.run(until: .jobEnded(job))
        #expect(try await hand.stored(orphan).job.outcome == .succeeded)
        #expect(hand.ledger.frozen.isEmpty && hand.ledger.snapshots.isEmpty)
    }
}
