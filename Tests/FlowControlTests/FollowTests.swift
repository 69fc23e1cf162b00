import Rigs
import Basics
import FlowControl
import FlowModel
import FlowTestKit
import PostgreSQL
import Testing
import WorkflowEngine

@Suite struct FollowTests {
    /// As a page would: submit, look on, answer, see the end.
    @Test func aJobIsFollowedFromItsMakingToItsEnd() async throws {
        let hand = try await FlowHand.start()
        let page = try await hand.another()
        let job = try await hand.submit(hand.approvalPlan(by: ["staff"]))
        let updates = try await hand.withWorker {
            var updates: [JobUpdate] = []
            for try await update in page.follow(job, pace: FollowPace(look: .milliseconds(50))) {
                updates.append(update)
                guard update.job.step("ask")?.state == .waiting, updates.count(where: { $0.job.state == .waiting }) == 1 else { continue }
                await expectRefused(.notAllowed, 403) { _ = try await page.approve("ask", of: job, by: Requester(name: "mallory")) }
                await expectRefused(.notFound, 404) { _ = try await page.approve("nobody", of: job, by: hand.ann) }
                #expect(try await page.approve("ask", of: job, by: hand.ann, outputs: ["answer": 42]).isChanged)
                await expectRefused(.transitionRefused, 409) { _ = try await page.refuse("ask", of: job, by: hand.ann) }
            }
            return updates
        }
        let last = try #require(updates.last)
        #expect(last.job.isSettled && last.job.hasEnded && !updates.dropLast().contains { $0.job.isSettled })
        #expect(last.job.state == .succeeded && last.job.outcome == .succeeded && last.job.cleanup == .clean)
        #expect(last.job.step("ask")?.outputs == ["answer": 42] && last.job.step("two")?.attempts.map(\.outcome) == [.succeeded])
        let counts = last.job.stepCounts
        #expect([counts.total, counts.ended, counts.running, counts.waiting] == [3, 3, 0, 0])
        // Every event once, in order, with nothing after the end.
        let events = updates.flatMap(\.events)
        let journal = try await hand.control.events(of: job)
        #expect(events == journal.items && events.first?.kind == "jobStarted" && events.last?.kind == "jobEnded")
        #expect(events.map(\.id) == events.map(\.id).sorted() && journal.next == nil)
        // Nothing was told that was no news.
        for (earlier, later) in zip(updates, updates.dropFirst()) { #expect(earlier.job != later.job || !later.events.isEmpty) }
    }

    @Test func whoFollowsAnEndedJobIsToldOnce() async throws {
        let hand = try await FlowHand.start()
        let job = try await hand.submit(TestPlan.copies(["one"], folder: hand.folder))
        _ = try await hand.withWorker { try await hand.end(of: job) }
        for isMoved in [false, true] {
            if isMoved { #expect(try await hand.store.moveToHistory(endedFor: .milliseconds(0)) == 1) }
            var updates: [JobUpdate] = []
            for try await update in hand.control.follow(job) { updates.append(update) }
            #expect(updates.count == 1 && updates.first?.events.last?.kind == "jobEnded" && updates.first?.job.isInHistory == isMoved)
        }
    }

    @Test func aLookAtWhatHasNotChangedLoadsNoJob() async throws {
        let hand = try await FlowHand.start()
        let job = try await hand.submit(TestPlan.copies(["one"], folder: hand.folder))
        let connection = try await Connection.connect(hand.settings)
        var follower = hand.control.follow(job, pace: FollowPace(look: .milliseconds(5), givesEveryLook: true)).makeAsyncIterator()
        let first = try #require(try await follower.next())
        // A look that loaded it would fail now.
        try await connection.execute(script: "ALTER TABLE attempts RENAME TO tries")
        for _ in 0..<20 { #expect(try await follower.next()?.job == first.job) }
        try await connection.execute(script: "ALTER TABLE tries RENAME TO attempts")
        _ = try await hand.control.cancel(job, by: hand.ann)
        while let update = try await follower.next() { if update.job.isSettled { #expect(update.job.outcome == .cancelled) } }
    }

    @Test func progressHasItsRateAndWhatIsLeft() async throws {
        let hand = try await FlowHand.start()
        hand.steps.hold("one", "within")
        let job = try await hand.submit(TestPlan.copies(["one"], folder: hand.folder))
        try await hand.withWorker {
            for try await update in hand.control.follow(job, pace: FollowPace(look: .milliseconds(20), givesEveryLook: true)) {
                guard let progress = update.job.step("one")?.progress, hand.steps.isHeld("one", "within") else { continue }
                #expect(progress.bytesDone == 50 && progress.bytesTotal == 100)
                let (rate, left) = (try #require(progress.bytesPerSecond), try #require(progress.secondsLeft))
                #expect(rate > 0 && abs(left - 50 / rate) < 0.001)
                hand.steps.release("one", "within")
            }
            let ended = try await hand.control.job(job)
            #expect(ended.outcome == .succeeded && ended.step("one")?.progress == nil)
            try await eventually("its line is there") { try await hand.control.logs(of: job).items.map(\.message) == ["half way"] }
        }
    }

    @Test func aJobThatIsNotThereIsNotFound() async throws {
        let hand = try await FlowHand.start()
        let nobody = JobID.make(milliseconds: 1)
        await expectRefused(.noSuchJob, 404) { for try await _ in hand.control.follow(nobody) {} }
        await expectRefused(.noSuchJob, 404) { _ = try await hand.control.job(nobody) }
        await expectRefused(.noSuchJob, 404) { _ = try await hand.control.overview(nobody) }
        await expectRefused(.noSuchJob, 404) { _ = try await hand.control.cancel(nobody, by: hand.ann) }
        await expectRefused(.noSuchJob, 404) { _ = try await hand.control.held(nobody) }
        await expectRefused(.noSuchJob, 404) { _ = try await hand.control.find(nobody.rawValue) }
        await expectRefused(.badJobID, 400) { _ = try await hand.control.find("../../etc/passwd") }
    }
}
