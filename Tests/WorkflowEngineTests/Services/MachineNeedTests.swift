import Rigs
import Basics
import FlowModel
import FlowTestKit
import Foundation
import PostgreSQL
import StepKit
import Testing

@testable import WorkflowEngine

/// A worker takes no step that its machine can't do, and the job says why it stands.
@Suite struct MachineNeedTests {
    private func make(_ program: String) throws {
        try "#!/bin/sh\n".write(toFile: program, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
    }

    @Test func aStepWaitsForAMachineThatHasWhatItsSystemNeeds() async throws {
        let hand = try await ServicesHand.start()
        let program = hand.folder + "/needed"
        let catalog = TestCatalog.needing([.program(program, package: "needed-utils")])
        let job = try await hand.submit(TestPlan.copies(["copy"], folder: hand.folder))
        let log = LogCapture()
        var configuration = hand.configuration()
        configuration.log = log.logger
        try await hand.withWorker(configuration, catalog: catalog) { _ in
            try await eventually("the refusal is told") { log.contains("the program \(program), for test-system") }
            // As if it had waited for an hour.
            let connection = try await Connection.connect(hand.settings)
            _ = try await connection.query("UPDATE steps SET ready_at = ready_at - interval '1 hour' WHERE state = 'ready'")
            try await eventually("the stall is found") { try await !hand.store.stalled(job: job).isEmpty }
        }
        #expect(try await hand.stored(job)["copy"]?.attempts == 0)
        let line = try #require(log.lines.first { $0.hasPrefix("warning") })
        #expect(line.contains("apt install needed-utils"), "\(line)")
        let told = try await hand.store.events().filter { $0.kind == "left" }
        #expect(told.count == 1 && told[0].step == "copy" && !told[0].isAlarm, "\(told)")

        try make(program)
        let run = try await hand.withWorker(hand.configuration(), catalog: catalog) { _ in try await hand.waitForEnd(job) }
        #expect(run.job.outcome == .succeeded)
    }

    /// By the worker that lives: what one says that has gone is no reason.
    @Test func theStallSaysWhyTheWorkerLeavesIt() async throws {
        let hand = try await ServicesHand.start()
        let catalog = TestCatalog.needing([.library("libnothing.so.9", package: "libnothing9")])
        let job = try await hand.submit(TestPlan.copies(["copy"], folder: hand.folder))
        let connection = try await Connection.connect(hand.settings)
        try await hand.withWorker(catalog: catalog) { _ in
            try await eventually("it is left") { try await hand.store.events().contains { $0.kind == "left" } }
            _ = try await connection.query("UPDATE steps SET ready_at = ready_at - interval '1 hour' WHERE state = 'ready'")
            let stall = try #require(try await hand.store.stalled(job: job).first)
            #expect(stall.step == "copy" && !stall.isUndo)
            #expect(
                stall.reason.contains("leaves it to others") && stall.reason.contains("the library libnothing.so.9, for test-system")
                    && stall.reason.contains("apt install libnothing9"), "\(stall.reason)")
            // Another that could take it has not said a word yet.
            let registration = WorkerRegistration(id: WorkerID(rawValue: "other"), host: "host2", process: 1, labels: [:])
            try await hand.store.register(registration, lease: .minutes(20))
            #expect(try await hand.store.stalled(job: job).isEmpty)
        }
        try await hand.store.retire(WorkerID(rawValue: "other"))
        #expect(try await hand.store.stalled(job: job).map(\.reason) == ["no worker lives"])
    }

    /// Who runs a job of its own asks before it submits.
    @Test func aRunIsRefusedBeforeItBegins() {
        let configuration = WorkerConfiguration(host: "h", scratchFolder: "/tmp")
        let plan = TestPlan.backup(folder: "/srv")
        func refusals(_ needs: [MachineNeed]) -> [String] {
            let accepts = StepAcceptance(
                worker: WorkerID(rawValue: "w"), configuration: configuration, catalog: TestCatalog.needing(needs))
            return plan.steps.compactMap { step in accepts.refusal(of: step, plan, .local).map { "\(step.id): \($0.kind.rawValue)" } }
        }
        #expect(refusals([]) == [] && refusals([.program("/bin/sh", package: nil)]) == [])
        let all = ["quiesce", "snapshot", "thaw", "copy", "release"].map { "\($0): not-served" }
        #expect(refusals([.program("/nowhere/program", package: nil)]) == all)
        // Its steps name no subject: what only some uses need is not asked of them.
        #expect(refusals([.program("/nowhere/program", package: nil).only(for: [.quiescing])]) == [])
        let catalog = Catalog(
            systems: [TestSystemType(needs: [.program("/nowhere/program", package: nil).only(for: [.quiescing])])], repositories: [],
            verbs: [Freezing()])
        let needing = StepAcceptance(worker: WorkerID(rawValue: "w"), configuration: configuration, catalog: catalog)
        var subjects = plan
        subjects.steps = plan.steps.filter { ["quiesce", "thaw"].contains($0.id) }
        #expect(subjects.steps.allSatisfy { needing.refusal(of: $0, subjects, .local) == nil })
        subjects.steps[0].subject = .systems(["box"])
        let left = subjects.steps.filter { needing.refusal(of: $0, subjects, .local)?.kind == .notServed }.map(\.id)
        #expect(left == ["quiesce", "thaw"])
    }
}

private struct Freezing: Verb {
    let declaration = VerbDeclaration(
        name: "quiesce", summary: "", subject: .systems(anyOf: [.quiescing]), schema: SettingsSchema([]), workClass: .window,
        acquires: Acquisition(of: .freeze, undoVerb: "thaw", undoneWhen: .windowSealed))
    func run(_ context: StepContext) async throws -> StepResult { StepResult() }
}
