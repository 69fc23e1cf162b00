import Rigs
import Basics
import FlowControl
import FlowModel
import FlowTestKit
import Foundation
import PostgreSQL
import Testing
import WorkflowEngine

@Suite struct ListTests {
    @Test(arguments: [1, 2, 3, 7, 8]) func eachJobIsMetOnceWhileOthersAreMade(_ size: Int) async throws {
        let hand = try await FlowHand.start()
        var made: [JobID] = []
        for _ in 0..<7 { made.append(try await hand.submit(TestPlan.copies(["one"], folder: hand.folder))) }
        // Two of them go to the history between the pages.
        for job in made.prefix(2) { _ = try await hand.control.cancel(job, by: hand.ann) }
        var met: [JobID] = []
        var cursor: String?
        repeat {
            let page = try await hand.control.jobs(cursor: cursor, limit: size)
            #expect(page.items.count <= size)
            met += page.items.map(\.id)
            cursor = page.next
            _ = try await hand.submit(TestPlan.copies(["late"], folder: hand.folder))
            _ = try await hand.store.moveToHistory(endedFor: .milliseconds(0), limit: 1)
        } while cursor != nil
        #expect(met == made.sorted().reversed())
    }

    @Test func whatIsNoCursorOfTheListIsRefused() async throws {
        let hand = try await FlowHand.start()
        for _ in 0..<3 { _ = try await hand.submit(TestPlan.copies(["one"], folder: hand.folder)) }
        let next = try #require(try await hand.control.jobs(limit: 1).next)
        let job = try #require(try await hand.control.jobs().items.first?.id)
        for cursor in ["", "x", "'; DROP TABLE jobs", next + "x", String(next.dropLast()), "am9iczo="] {
            await expectRefused(.invalid, 400) { _ = try await hand.control.jobs(cursor: cursor) }
        }
        await expectRefused(.invalid, 400) { _ = try await hand.control.events(of: job, cursor: next) }
        await expectRefused(.invalid, 400) { _ = try await hand.control.logs(of: job, cursor: next) }
        for limit in [0, -1, 1001] { await expectRefused(.invalid, 400) { _ = try await hand.control.jobs(limit: limit) } }
    }

    @Test func theJournalComesInPages() async throws {
        let hand = try await FlowHand.start()
        let job = try await hand.submit(TestPlan.copies(["one", "two"], folder: hand.folder))
        _ = try await hand.withWorker { try await hand.end(of: job) }
        let whole = try await hand.control.events(of: job)
        var (parts, cursor): ([JobEvent], String?) = ([], nil)
        repeat {
            let page = try await hand.control.events(of: job, cursor: cursor, limit: 2)
            parts += page.items
            cursor = page.next
        } while cursor != nil
        #expect(parts == whole.items && parts.count > 4)
    }

    /// One job of each state. The list's filter and the word beside a job are made in two places: they agree.
    @Test func aFilterByStateGivesTheJobsOfThatState() async throws {
        let hand = try await FlowHand.start()
        var jobs: [JobState: JobID] = [:]
        func plan(_ id: StepID) -> Plan { TestPlan.copies([id], folder: hand.folder) }
        hand.steps.fail("broken", count: 10, permanently: true)
        hand.steps.fail("tolerated", count: 10, permanently: true)
        var tolerant = TestPlan.copies(["tolerated", "good"], folder: hand.folder)
        tolerant.steps[0].continueOnError = true
        jobs[.succeeded] = try await hand.submit(plan("good"))
        jobs[.failed] = try await hand.submit(plan("broken"))
        jobs[.partial] = try await hand.submit(tolerant)
        jobs[.waiting] = try await hand.submit(hand.approvalPlan(by: []))
        try await hand.withWorker { [jobs] in
            for state in [JobState.succeeded, .failed, .partial] {
                let ended = try await hand.end(of: try #require(jobs[state]))
                #expect(ended.state == state)
            }
            let waiting = try #require(jobs[.waiting])
            try await eventually("it waits") { try await hand.control.overview(waiting).state == .waiting }
        }
        jobs[.running] = try await hand.submit(plan("good"))
        let cancelled = try await hand.submit(plan("good"))
        jobs[.cancelled] = cancelled
        _ = try await hand.control.cancel(cancelled, by: hand.ann)
        let aside = try await hand.submit(plan("good"))
        jobs[.setAside] = aside
        let connection = try await Connection.connect(hand.settings)
        try await connection.execute(script: "INSERT INTO set_aside (job, reason) VALUES ('\(aside)', 'the test said so')")
        let stopping = try await hand.submit(plan("good"))
        jobs[.stopping] = stopping
        try await connection.execute(script: "UPDATE jobs SET stopping = 'cancelled', stopped_by = 'ann' WHERE id = '\(stopping)'")
        let everything = Set(jobs.values)
        for isMoved in [false, true] {
            if isMoved { #expect(try await hand.store.moveToHistory(endedFor: .milliseconds(0)) >= 3) }
            for state in JobState.allCases {
                let found = try await hand.control.jobs(JobFilter(states: [state])).items
                #expect(found.map(\.id) == jobs[state].map { [$0] }, "\(state): \(found.map(\.state))")
                #expect(found.allSatisfy { $0.state == state })
            }
            #expect(try await Set(hand.control.jobs(JobFilter(states: Set(JobState.allCases))).items.map(\.id)) == everything)
        }
    }

    @Test func filtersGoTogether() async throws {
        let hand = try await FlowHand.start()
        var plan = TestPlan.copies(["one"], folder: hand.folder)
        let first = try await hand.submit(plan)
        plan.pipeline = "other"
        plan.systems["crate"] = TestPlan.system(hand.folder + "/crate")
        let second = try await hand.submit(plan)
        func ids(_ filter: JobFilter) async throws -> [JobID] { try await hand.control.jobs(filter).items.map(\.id) }
        #expect(try await ids(JobFilter(pipeline: "other")) == [second])
        #expect(try await ids(JobFilter(system: "crate")) == [second])
        #expect(try await ids(JobFilter(system: "box")).count == 2)
        #expect(try await ids(JobFilter(pipeline: "test", system: "crate")).isEmpty)
        let made = try await hand.control.overview(second).createdAt.instant
        #expect(try await ids(JobFilter(since: made)) == [second])
        #expect(try await ids(JobFilter(until: made)) == [first])
        #expect(try await ids(JobFilter(since: made, until: made)).isEmpty)
        _ = try await hand.control.cancel(first, by: hand.ann)
        #expect(try await ids(JobFilter(activeOnly: true)) == [second])
        #expect(try await hand.store.moveToHistory(endedFor: .milliseconds(0)) == 1)
        #expect(try await ids(JobFilter(system: "box", until: made)) == [first])
        #expect(try await ids(JobFilter(pipeline: "'; --")).isEmpty)
    }

    /// A list is made of its jobs' rows: it works where a job's run could not be loaded.
    @Test func aListLoadsNoRuns() async throws {
        let hand = try await FlowHand.start()
        let job = try await hand.submit(TestPlan.copies(["one"], folder: hand.folder))
        let connection = try await Connection.connect(hand.settings)
        for table in ["step_plans", "windows", "attempts", "compensations", "progress"] {
            try await connection.execute(script: "ALTER TABLE \(table) RENAME TO \(table)_away")
        }
        #expect(try await hand.control.jobs().items.map(\.id) == [job])
        #expect(try await hand.control.overview(job).stepCounts.total == 1)
    }
}
