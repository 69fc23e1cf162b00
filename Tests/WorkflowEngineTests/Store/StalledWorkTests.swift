import Basics
import FlowModel
import LogKit
import PostgreSQL
import Rigs
import StepKit
import Synchronization
import Testing

@testable import WorkflowEngine

/// No state is for ever: what nobody would ever touch again is taken back, or somebody is told.
@Suite struct StalledWorkTests {
    /// A database in which hands may write what they like.
    private func start() async throws -> StoreHand {
        let hand = try await StoreHand.start()
        try await hand.execute(
            """
            DO $$ DECLARE c record; BEGIN
                FOR c IN SELECT conrelid::regclass AS place, conname FROM pg_constraint
                         WHERE contype = 'f' AND confrelid = 'workers'::regclass LOOP
                    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.place, c.conname);
                END LOOP;
            END $$
            """)
        return hand
    }

    private func rescuer(_ hand: StoreHand) -> Rescuer {
        Rescuer(store: hand.store, host: "elsewhere", interval: .seconds(1), onChange: { _, _ in }, log: .silent)
    }

    /// As the rescuers do in the course of time.
    private func rescue(_ hand: StoreHand) async throws {
        try await hand.execute("UPDATE steps SET ready_at = ready_at - interval '1 hour' WHERE state = 'ready'")
        let rescuer = rescuer(try await hand.another())
        await rescuer.rescue()
        await rescuer.lookForStalls()
        await rescuer.lookForStalls()
    }

    private func alarms(_ hand: StoreHand) async throws -> [EventRecord] { try await hand.store.events().filter(\.isAlarm) }

    // MARK: what is taken back

    @Test func aStepOfAWorkerThatHasNoRowGoesToAnother() async throws {
        let hand = try await start()
        let (gone, next) = (try await hand.register("gone"), try await hand.register("next"))
        let job = try await hand.submit([.work("copy")])
        let stale = try #require(try await hand.claim(gone).first)
        try await hand.execute("DELETE FROM workers WHERE id = 'gone'")
        try await rescue(hand)
        let taken = try #require(try await hand.claim(next).first)
        #expect(taken.job == job && taken.token > stale.token)
        #expect(try await hand.count("attempts WHERE outcome = 'lost'") == 1)
        #expect(try await alarms(hand) == [])
    }

    /// Not sealed yet, and sealed: the undo that was bound to the worker is anybody's.
    @Test(arguments: [false, true]) func aWindowOfAWorkerThatHasNoRowIsUndone(isSealed: Bool) async throws {
        let hand = try await start()
        let (gone, next) = (try await hand.register("gone"), try await hand.register("next"))
        let job = try await hand.submit(.backup())
        try await hand.finish(try #require(try await hand.claim(gone).first))
        if isSealed { try await hand.finish(try #require(try await hand.claim(gone).first)) }
        try await hand.execute("DELETE FROM workers WHERE id = 'gone'")
        try await rescue(hand)
        #expect(try await hand.claim(next).map(\.step).contains("thaw"))
        #expect(try await hand.count("windows WHERE worker IS NOT NULL") == 0)
        #expect(try await alarms(hand).filter { $0.job == job } == [])
    }

    /// What the machine would have written otherwise it writes.
    @Test(arguments: [
        "UPDATE steps SET bound_worker = 'x' WHERE id = 'thaw'", "UPDATE steps SET bound_host = 'x' WHERE id = 'thaw'",
    ]) func aBindingThatNothingGivesIsTakenAway(statement: String) async throws {
        let hand = try await start()
        let worker = try await hand.register("w")
        _ = try await hand.submit(.backup())
        for _ in 0..<2 { try await hand.finish(try #require(try await hand.claim(worker).first)) }
        _ = try await hand.claim(worker, accepts: { $0.id == "copy" })
        try await hand.execute(statement)
        try await rescue(hand)
        let other = try await hand.another()
        #expect(try await other.claim(worker).map(\.step) == ["thaw"])
        #expect(try await alarms(hand) == [])
    }

    @Test func aJobThatNobodyHasGoneOnWithGoesOn() async throws {
        let hand = try await start()
        let worker = try await hand.register("w")
        let job = try await hand.submit([.work("a")])
        try await hand.execute("UPDATE steps SET state = 'pending'")
        try await rescue(hand)
        #expect(try await hand.claim(worker).map(\.job) == [job])
        #expect(try await alarms(hand) == [])
    }

    /// Nobody runs it though its worker lives, or so its row says.
    @Test func aStepThatItsWorkerKnowsNothingOfIsGivenBack() async throws {
        let hand = try await start()
        let (first, second) = (try await hand.register("first"), try await hand.register("second"))
        _ = try await hand.submit([.work("copy")])
        let claimed = try #require(try await hand.claim(first).first)
        try await hand.execute("UPDATE steps SET worker = 'second' WHERE id = 'copy'")
        let other = try await hand.another()
        // As once a minute.
        other.store.ledger.doubt(second)
        let again = try #require(try await other.claim(second).first)
        #expect(again.step == "copy" && again.token > claimed.token)
        // What it runs it keeps.
        other.store.ledger.doubt(second)
        #expect(try await other.claim(second).isEmpty)
        #expect(try await other.stored(again.job)["copy"]?.token == again.token)
    }

    // MARK: what somebody is told

    @Test(arguments: [
        ("UPDATE steps SET labels = '{NULL}' WHERE id = 'thaw'", "label"),
        ("UPDATE steps SET labels = '{site=x}' WHERE id = 'thaw'", "site=x"),
        ("UPDATE compensations SET host = 'far' WHERE step = 'thaw'; UPDATE steps SET bound_host = 'far' WHERE id = 'thaw'", "far"),
    ]) func anUndoThatNoLivingWorkerCanTakeIsAnAlarm(statement: String, word: String) async throws {
        let hand = try await start()
        let worker = try await hand.register("w")
        let job = try await hand.submit(.backup())
        for _ in 0..<2 { try await hand.finish(try #require(try await hand.claim(worker).first)) }
        _ = try await hand.claim(worker, accepts: { $0.id == "copy" })
        try await hand.execute(statement)
        try await rescue(hand)
        try await rescue(hand)
        let alarms = try await alarms(hand)
        #expect(alarms.map(\.kind) == ["stalled"] && alarms.first?.job == job && alarms.first?.step == "thaw")
        #expect(alarms.first?.details["reason"]?.stringValue?.contains(word) == true, "\(alarms)")
        let stalled = try await hand.store.stalled(job: job)
        #expect(stalled.map(\.step) == ["thaw"] && stalled.first?.isUndo == true && stalled.first?.reason.contains(word) == true)
    }

    @Test func aStepThatNoWorkerServesIsAnAlarmOnce() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w", labels: ["site": "here"])
        var steps = [PlannedStep.work("here"), .work("there")]
        for index in steps.indices { steps[index].runOn = ["site": steps[index].id.rawValue] }
        let job = try await hand.submit(steps)
        #expect(try await hand.store.stalled() == [], "a worker may be on its way")
        try await rescue(hand)
        #expect(try await hand.store.stalled().map(\.step) == ["there"])
        #expect(try await alarms(hand).map(\.step) == ["there"])
        let far = try await hand.register("far", labels: ["site": "there"])
        #expect(try await hand.store.stalled() == [])
        try await hand.store.retire(far)
        try await rescue(hand)
        #expect(try await alarms(hand).count == 1)
        for step in try await hand.claim(worker, labels: ["site": "here"]) { try await hand.finish(step) }
        // Nobody at all.
        try await hand.store.retire(worker)
        #expect(try await hand.store.stalled(job: job).map(\.reason) == ["no worker lives"])
    }

    /// A window that is over before its members began: no rule of the machine leads out of that.
    @Test func aJobOfWhichNothingIsReadyIsAnAlarm() async throws {
        let hand = try await start()
        try await hand.register("w")
        let job = try await hand.submit(.backup())
        try await hand.execute("UPDATE steps SET state = 'pending'; UPDATE windows SET phase = 'sealed'")
        try await rescue(hand)
        let alarms = try await alarms(hand)
        #expect(alarms.map(\.kind) == ["stalled"] && alarms.first?.job == job && alarms.first?.step == nil)
        #expect(try await hand.store.stalled(job: job).map(\.step) == [nil])
    }

    /// What is waited for by rule is none.
    @Test func whatWaitsByRuleIsNotStalled() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let asked = try await hand.submit([.work("ask"), .work("then", after: ["ask"])])
        let ask = try #require(try await hand.claim(worker).first)
        _ = try await hand.store.apply(.wait("ask", token: ask.token, until: nil), to: asked)
        let delayed = try await hand.submit([.work("late")])
        try await hand.execute("UPDATE steps SET not_before = now() + interval '1 hour' WHERE job = '\(delayed)'")
        _ = try await hand.submit([.work("busy"), .work("after", after: ["busy"])])
        _ = try await hand.claim(worker)
        try await rescue(hand)
        #expect(try await hand.store.stalled() == [])
        #expect(try await alarms(hand) == [])
    }

    // MARK: what the tables refuse

    @Test func noRowNamesAWorkerThatThereIsNot() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        _ = try await hand.submit(.backup())
        _ = try await hand.claim(worker)
        for statement in [
            "DELETE FROM workers WHERE id = 'w'", "UPDATE steps SET worker = 'x' WHERE worker = 'w'", "UPDATE windows SET worker = 'x'",
        ] {
            let error = await #expect(throws: PostgreSQLError.self, "\(statement)") { try await hand.execute(statement) }
            #expect(error?.sqlState?.rawValue == "23503", "\(statement)")
        }
    }
}
