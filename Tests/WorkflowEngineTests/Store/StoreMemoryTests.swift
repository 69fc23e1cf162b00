import Basics
import Expressions
import FlowModel
import StepKit
import Synchronization
import Testing

@testable import WorkflowEngine

/// A process that remembers a job reads what has changed of it since, whoever changed it.
@Suite struct StoreMemoryTests {
    /// A window that is open, with something armed; `hand` remembers it, and another process goes on with it after the statement.
    private func check(_ hand: StoreHand, after statement: String) async throws {
        let worker = try await hand.register("w")
        let job = try await hand.submit(.backup())
        try await hand.finish(try #require(try await hand.claim(worker).first))
        try await hand.execute(statement)
        let other = try await hand.another()
        #expect(try await other.claim(worker).map(\.step) == ["snapshot"])
        let before = hand.store.counts.stepsRead.load(ordering: .relaxed)
        let remembered = try #require(try await hand.store.refresh(job))
        let read = hand.store.counts.stepsRead.load(ordering: .relaxed) - before
        #expect(read < remembered.run.steps.count, "not the whole job")
        #expect(remembered.run == (try await hand.stored(job)))
        #expect(try await remembered.run.job.version == other.stored(job).job.version)
    }

    @Test func whatAnotherProcessWroteIsRead() async throws { try await check(try await StoreHand.start(), after: "SELECT 1") }

    /// A hand, or a worker of an older version, gives a row no number.
    @Test(arguments: [
        "UPDATE steps SET outputs = '{\"n\": 7}' WHERE id = 'quiesce'",
        "UPDATE compensations SET state = '{\"n\": 7}' WHERE step = 'thaw'",
        "UPDATE compensations SET undone_at = now() WHERE step = 'thaw'", "DELETE FROM compensations WHERE step = 'thaw'",
        "UPDATE windows SET failures = 2", "UPDATE jobs SET stopped_by = 'ann'",
        """
        INSERT INTO compensations (job, step, generation, position, armed_at, state, owes_own, early)
        SELECT job, id, 9, 9, now(), '{}', true, false FROM steps WHERE id = 'release'
        """,
    ]) func whatAHandWroteIsReadToo(statement: String) async throws { try await check(try await StoreHand.start(), after: statement) }

    /// Until a transition has written the row anew: nobody knows who has read it.
    @Test func whatAHandWroteIsReadUntilATransitionWritesIt() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit([.work("a"), .work("b")])
        let claimed = try await hand.claim(worker)
        let other = try await hand.another()
        _ = try await other.stored(job)
        try await hand.execute("UPDATE steps SET missed = '[\"x\"]'")
        #expect(try await hand.count("steps WHERE changed_in = 9223372036854775807") == 2)
        try await hand.finish(claimed[0])
        #expect(try await hand.count("steps WHERE changed_in = 9223372036854775807") == 1)
        #expect(try await other.store.refresh(job)?.run == hand.stored(job))
    }

    /// Whoever is behind by an expansion reads the job whole, for what is planned is another.
    @Test func stepsThatWereAddedAreRead() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let fanOut = PlannedStep.work("many", after: ["a"], forEach: FanOut(items: "${steps.a.items}"))
        let job = try await hand.submit([.work("a"), fanOut])
        let claimed = try #require(try await hand.claim(worker).first)
        let other = try await hand.another()
        _ = try await other.store.refresh(job)
        try await hand.finish(claimed)
        let many = try #require(try await hand.claim(worker).first)
        _ = try await other.store.refresh(job)
        let members = FanOutExpansion.member(of: fanOut, undo: nil, label: "0", item: 0)
        _ = try await hand.store.apply(.expand("many", token: many.token, members: members), to: job)
        #expect(try await other.store.refresh(job)?.run == hand.stored(job))
    }
}
