import Basics
import FlowControl
import FlowModel
import FlowTestKit
import Foundation
import PostgreSQL
import Rigs
import StepKit
import Testing
import WorkflowEngine

/// A control database of a test's own, what its front ends use, and workers over it.
struct FlowHand: Sendable {
    let settings: ConnectionSettings
    let store: EngineStore
    let control: FlowControl
    let scratch: ScratchFolder
    var folder: String { scratch.path }
    var steps: Control { Control(folder: folder) }
    let ann = Requester(name: "ann", groups: ["staff"])

    static func start() async throws -> FlowHand {
        let rig = try await PostgreSQLRig.start()
        let store = try await EngineStore.open(rig.settings)
        return FlowHand(
            settings: rig.settings, store: store, control: FlowControl(store: store, host: "host1", catalog: TestCatalog.all),
            scratch: try ScratchFolder("flow-control"))
    }

    /// Another process that asks of the same jobs.
    func another() async throws -> FlowControl {
        FlowControl(store: try await EngineStore.open(settings), host: "host2", catalog: TestCatalog.all)
    }

    func submit(_ plan: Plan, deadline: TimeSpan? = nil) async throws -> JobID {
        try await control.submit(PreparedJob(plan, parameters: [:], catalog: TestCatalog.all), deadline: deadline)
    }

    /// Runs a worker while `body` does something, then shuts it down.
    func withWorker<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        let guardProgram = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "flow-test-worker").path
        let configuration = WorkerConfiguration(
            host: "host1", poll: .milliseconds(50), scratchFolder: folder + "/scratch", guardCommand: [guardProgram, "guard"],
            allowed: AllowList(paths: [folder]))
        let worker = Worker(configuration, store: store, catalog: TestCatalog.all)
        let task = Task { try await worker.run() }
        let value: Value
        do {
            value = try await body()
        } catch {
            await worker.shutDown(grace: .milliseconds(0))
            throw error
        }
        await worker.shutDown()
        try await task.value
        return value
    }

    /// The job when it is settled.
    func end(of job: JobID) async throws -> JobDetail {
        var last: JobDetail?
        for try await update in control.follow(job, pace: FollowPace(look: .milliseconds(50))) { last = update.job }
        return try #require(last)
    }

    /// Copies in a row, then an approval, then one more copy.
    func approvalPlan(by people: [String]) -> Plan {
        var plan = TestPlan.copies(["one", "two"], folder: folder)
        plan.steps.insert(
            PlannedStep(
                id: "ask", verb: "approve", settings: ["by": .array(people.map { .string($0) })],
                after: [Dependency(step: "one", reason: .order)]), at: 1)
        plan.steps[2].after = [Dependency(step: "ask", reason: .order)]
        return plan
    }
}

/// The error of a call, which must be an explained one of that kind, and what HTTP makes of it.
func expectRefused(
    _ kind: ErrorKind, _ status: Int, at location: SourceLocation = #_sourceLocation, _ call: @Sendable () async throws -> Void
) async {
    do {
        try await call()
        Issue.record("expected \(kind.rawValue), found no error", sourceLocation: location)
    } catch let error as any ExplainedError {
        #expect(error.kind == kind && error.kind.statuses.http == status, "\(error)", sourceLocation: location)
    } catch {
        Issue.record("expected \(kind.rawValue), found \(error)", sourceLocation: location)
    }
}
