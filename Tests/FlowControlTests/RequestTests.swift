import Rigs
import Basics
import FlowControl
import FlowModel
import FlowTestKit
import PipelineDSL
import PostgreSQL
import Testing
import WorkflowEngine

@Suite struct RequestTests {
    @Test func aCancelledJobGoesOnWhenItIsRetried() async throws {
        let hand = try await FlowHand.start()
        hand.steps.hold("one", "within")
        let job = try await hand.submit(TestPlan.copies(["one", "two"], folder: hand.folder))
        try await hand.withWorker {
            try await eventually("the step runs") { hand.steps.isHeld("one", "within") }
            await expectRefused(.transitionRefused, 409) { _ = try await hand.control.retry(job, by: hand.ann) }
            #expect(try await hand.control.cancel(job, by: hand.ann) == RequestAnswer(job: job, isChanged: true))
            let cancelled = try await hand.end(of: job)
            #expect(cancelled.state == .cancelled && cancelled.stopping == .cancelled && cancelled.stoppedBy == "ann")
            #expect(try await hand.control.cancel(job, by: hand.ann).isChanged == false)
            hand.steps.release("one", "within")
            #expect(try await hand.control.retry(job, by: hand.ann).isChanged)
            let ended = try await hand.end(of: job)
            #expect(ended.state == .succeeded && ended.round == 2)
            await expectRefused(.transitionRefused, 409) { _ = try await hand.control.retry(job, by: hand.ann) }
        }
        let said = try await hand.control.events(of: job).items.filter { ["jobCancelled", "jobRetried"].contains($0.kind) }
        #expect(said.map { $0.details["by"] } == ["ann", "ann"])
    }

    @Test func aRefusedStepFailsWithWhoRefusedIt() async throws {
        let hand = try await FlowHand.start()
        let job = try await hand.submit(hand.approvalPlan(by: []))
        try await hand.withWorker {
            try await eventually("it waits") { try await hand.control.overview(job).state == .waiting }
            #expect(try await hand.control.refuse("ask", of: job, by: hand.ann).isChanged)
            let ended = try await hand.end(of: job)
            let error = try #require(ended.step("ask")?.error)
            #expect(error.kind == .denied && error.found.contains("ann") && error.retry == .permanent)
            #expect(ended.state == .failed && ended.step("two")?.skipped == .upstream)
        }
    }

    /// Its thaw can't succeed: it is given up by a person, and the way in learns what that was.
    @Test func whatCannotBeUndoneIsGivenUp() async throws {
        let hand = try await FlowHand.start()
        hand.steps.fail("thaw", count: 1_000_000, permanently: true)
        hand.steps.hold("copy", "within")
        let job = try await hand.submit(TestPlan.backup(folder: hand.folder))
        try await hand.withWorker {
            try await eventually("the copy runs") { hand.steps.isHeld("copy", "within") }
            #expect(try await hand.control.held(job, by: "quiesce").map(\.step) == ["thaw"])
            await expectRefused(.transitionRefused, 409) { _ = try await hand.control.abandon(job, by: hand.ann) }
            hand.steps.release("copy", "within")
            let stuck = try await hand.end(of: job)
            #expect(stuck.outcome == .succeeded && stuck.cleanup == .failed && !stuck.hasEnded)
            // Nothing is released of what is frozen still.
            #expect(stuck.held.map(\.step) == ["release", "thaw"])
            let held = try #require(stuck.held.last)
            #expect(held.undoes == "quiesce" && held.systems == ["box"])
            #expect(held.failures > 0 && held.error?.found.contains("the test asked for") == true && held.name.hasPrefix("sf-"))
            await expectRefused(.transitionRefused, 409) { _ = try await hand.control.abandon(job, "copy", by: hand.ann) }
            let answer = try await hand.control.abandon(job, "thaw", by: hand.ann)
            #expect(answer.cleanup == .pending && answer.given.map(\.name) == [held.name] && answer.guardsElsewhere.isEmpty)
            let ended = try await hand.end(of: job)
            #expect(ended.hasEnded && ended.cleanup == .abandoned && ended.held.isEmpty && ended.step("thaw")?.skipped == .abandoned)
            await expectRefused(.transitionRefused, 409) { _ = try await hand.control.abandon(job, by: hand.ann) }
        }
    }

    @Test func aJobThatCannotBeReadIsShownAsFarAsItCanAndTakenUpAgain() async throws {
        let hand = try await FlowHand.start()
        let job = try await hand.submit(TestPlan.copies(["one"], folder: hand.folder))
        let connection = try await Connection.connect(hand.settings)
        try await connection.execute(
            script: "ALTER TABLE jobs DROP CONSTRAINT sound_parameters; UPDATE jobs SET parameters = '[]' WHERE id = '\(job)'")
        let control = try await hand.another()
        let shown = try await control.job(job)
        #expect(!shown.isComplete && shown.id == job && shown.steps.isEmpty && shown.unreadable.first?.contains("object") == true)
        #expect(try await control.jobs().items.map(\.state) == [.setAside])
        await expectRefused(.rottenJob, 500) { _ = try await control.resume(job, by: hand.ann) }
        try await connection.execute(script: "UPDATE jobs SET parameters = '{}' WHERE id = '\(job)'")
        #expect(try await control.resume(job, by: hand.ann).isChanged)
        #expect(try await control.resume(job, by: hand.ann).isChanged == false)
        #expect(try await control.job(job).isComplete)
    }

    @Test func documentsAreCompiledOrRefusedWithAllThatIsWrong() async throws {
        let hand = try await FlowHand.start()
        @Sendable func document(_ steps: String) -> [SourceText] {
            [SourceText(name: "paper.yaml", bytes: Array("name: paper\nsteps:\n\(steps)".utf8))]
        }
        let job = try await hand.control.submit(document("  - copy: {}\n    id: one\n"))
        let made = try await hand.control.job(job)
        #expect(made.pipeline == "paper" && made.origin == .submitted && made.steps.map(\.id) == ["one"])
        do {
            _ = try await hand.control.submit(document("  - kopy: {}\n  - copy: {}\n    retri: 1\n"))
            Issue.record("it was taken")
        } catch let refusal as DocumentRefusal {
            #expect(refusal.kind.statuses.http == 400 && refusal.diagnostics.count(where: { $0.severity == .error }) >= 2)
            #expect(refusal.location == "paper.yaml:3:5", "\(refusal)")
        }
        await expectRefused(.invalid, 400) { _ = try await hand.control.submit(document("  - copy: {}\n"), pipeline: "other") }
        await expectRefused(.wrongParameter, 422) { _ = try await hand.control.submit(document("  - copy: {}\n"), parameters: ["x": 1]) }
        #expect(try await hand.control.jobs().items.count == 1, "what was refused is no job")
    }
}
