import FlowModel
import Basics
import FlowTestKit
import Foundation
import Rigs
import StepKit
import Synchronization
import Testing

@testable import WorkflowEngine

/// The guard's process by itself: no worker, no database.
@Suite struct GuardTests {
    private struct Rig {
        let hand: ScratchHand
        let order: GuardOrder
        /// Of its own, for guards are found by it among all processes.
        let key: String

        /// What the next worker has, which knows nothing of the guard.
        var next: FreezeWatch { FreezeWatch(command: [ServicesHand.program, "guard"], scratchFolder: hand.folder) }

        init(hold: TimeSpan) throws {
            hand = try ScratchHand()
            key = "k\(UInt32.random(in: 0 ... .max))"
            let plan = TestPlan.backup(folder: hand.folder)
            let thaw = try #require(plan.step("thaw"))
            order = GuardOrder(
                job: JobID(rawValue: "job"), tenant: "default", plan: plan, step: thaw, key: key, settings: [:], state: [:], hold: hold,
                scratchFolder: hand.folder, reportPath: hand.folder + "/report.json")
        }

        func start(onEnd: @escaping @Sendable (GuardHandle.End) -> Void = { _ in }) async throws -> GuardHandle {
            try await GuardHandle.start(order, command: [ServicesHand.program, "guard"] + FormerGuards.arguments(key), onEnd: onEnd)
        }
    }

    private final class ScratchHand: Sendable {
        let folder: String
        var ledger: Ledger { Ledger(folder: folder) }
        init() throws {
            folder = NSTemporaryDirectory() + "/guard-\(UUID().uuidString.prefix(8))"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        deinit { try? FileManager.default.removeItem(atPath: folder) }
    }

    @Test func itThawsWhenTheHoldHasPassed() async throws {
        let rig = try Rig(hold: .milliseconds(200))
        let ends = Mutex<[GuardHandle.End]>([])
        let handle = try await rig.start { end in ends.withLock { $0.append(end) } }
        rig.hand.ledger.append("freeze", step: "quiesce", key: rig.key)
        try await eventually("it has thawed") { ends.withLock { !$0.isEmpty } }
        #expect(ends.withLock { $0 } == [.thawed(.holdPassed)])
        #expect(rig.hand.ledger.frozen.isEmpty)
        let report = try JSONDecoder().decode(GuardReport.self, from: Data(contentsOf: URL(fileURLWithPath: rig.order.reportPath)))
        #expect(report.event == .thawed && report.reason == .holdPassed)
        await handle.disarm()
    }

    @Test func disarmedItEndsQuietly() async throws {
        let rig = try Rig(hold: .minutes(5))
        let handle = try await rig.start()
        handle.record(["label": "b"])
        await handle.disarm()
        #expect(rig.hand.ledger.entries.isEmpty)
        #expect(handle.hasEnded == .disarmed)
        #expect(!FileManager.default.fileExists(atPath: rig.order.reportPath))
    }

    @Test func toldToItThawsAtOnceAndAgainUntilItWorks() async throws {
        let rig = try Rig(hold: .minutes(5))
        Control(folder: rig.hand.folder).fail("thaw", count: 2)
        let handle = try await rig.start()
        rig.hand.ledger.append("freeze", step: "quiesce", key: rig.key)
        handle.thawNow()
        try await eventually("it has thawed") { handle.hasEnded == .thawed(.told) }
        #expect(rig.hand.ledger.frozen.isEmpty)
        await handle.disarm()
    }

    @Test func aFreezeThatLandsAfterItsWorkersDeathIsThawedToo() async throws {
        let rig = try Rig(hold: .seconds(1))
        var handle: GuardHandle? = try await rig.start()
        let process = try #require(handle?.process)
        handle = nil  // as the worker's death closes the pipe; the call that freezes is still on its way
        try await eventually("it has thawed at once") { FileManager.default.fileExists(atPath: rig.order.reportPath) }
        rig.hand.ledger.append("freeze", step: "quiesce", key: rig.key)
        try await eventually("it has ended") { kill(process, 0) != 0 }
        #expect(rig.hand.ledger.frozen.isEmpty)
    }

    @Test func aGuardWhoseFreezeAnotherWorkerUndidThawsNoMore() async throws {
        let rig = try Rig(hold: .seconds(1))
        var handle: GuardHandle? = try await rig.start()
        let process = try #require(handle?.process)
        handle = nil
        try await eventually("it has thawed at once") { FileManager.default.fileExists(atPath: rig.order.reportPath) }
        _ = try await rig.next.disarm(rig.order.key)
        // Killed, it runs nothing more; the kernel may take a moment to bury it.
        try await eventually("it has ended") { ProcessIdentity(of: process)?.isDead ?? true }
        rig.hand.ledger.append("freeze", step: "quiesce", key: "of the next window")
        #expect(rig.hand.ledger.frozen == ["of the next window"])
    }

    @Test func aGuardThatNeverGetsItsThawDoneIsEndedWithIt() async throws {
        let rig = try Rig(hold: .minutes(5))
        Control(folder: rig.hand.folder).fail("thaw", count: 1_000_000)
        let handle = try await rig.start()
        let process = try #require(handle.process)
        handle.thawNow()
        try await eventually("it has tried") { FileManager.default.fileExists(atPath: rig.order.reportPath) }
        kill(process, SIGSTOP)  // as deaf as can be
        _ = try await rig.next.disarm(rig.order.key)
        try await eventually("it has ended") { handle.isGone }

    }

    @Test func afterASettledFreezeItThawsOnceAndEnds() async throws {
        let rig = try Rig(hold: .minutes(5))
        var handle: GuardHandle? = try await rig.start()
        let process = try #require(handle?.process)
        rig.hand.ledger.append("freeze", step: "quiesce", key: rig.key)
        handle?.settle()
        handle = nil
        try await eventually("it has ended") { kill(process, 0) != 0 }
        #expect(rig.hand.ledger.frozen.isEmpty)
    }

    @Test func itIsOutOfTheTerminalsReachAndItsDeathIsNoticed() async throws {
        let rig = try Rig(hold: .minutes(5))
        let ends = Mutex<[GuardHandle.End]>([])
        let handle = try await rig.start { end in ends.withLock { $0.append(end) } }
        let process = try #require(handle.process)
        #expect(getsid(process) == process, "a session of its own")
        kill(process, SIGKILL)
        try await eventually("its death is noticed") { ends.withLock { $0 == [.died] } }
        // Telling a dead one something must not kill the worker.
        handle.record(["label": "b"])
        await handle.disarm()
    }

    @Test func freezingTheEnginesOwnFileSystemIsRefused() throws {
        let hand = try ScratchHand()
        let plan = TestPlan.backup(folder: hand.folder)
        var context = StepContext(
            job: JobID(rawValue: "job"), tenant: "default", plan: plan, step: plan.steps[0], attempt: 1, key: "k",
            settings: Settings([:], origin: "test"), outputs: [:], checkpoint: nil, undoState: [:], catalog: TestCatalog.all,
            secrets: EnvironmentSecrets(environment: [:]), recorder: SilentRecorder(), scratchFolder: hand.folder)
        try context.refuseFreezing(fileSystemOf: hand.folder)
        context.neverFreeze = [hand.folder + "/state/not-there-yet"]
        #expect(throws: StepError.self) { try context.refuseFreezing(fileSystemOf: hand.folder) }
        context.neverFreeze = ["/proc"]
        try context.refuseFreezing(fileSystemOf: hand.folder)
    }
}

private struct SilentRecorder: StepRecorder {
    func log(_ level: LogLevel, _ message: String) {}
    func progress(_ progress: StepProgress) {}
    func checkpoint(_ state: JSONValue) async throws {}
    func recordUndo(_ state: [String: JSONValue]) async throws {}
    func ensureHeld() throws {}
    func base(systemIdentity: String, repositoryID: String) async throws -> Base? { nil }
    func proofs(repositoryID: String) async throws -> [Proof]? { nil }
}
