import Basics
import FlowModel
import FlowTestKit
import Foundation
import PostgreSQL
import Rigs
import StepKit
import Testing

@testable import WorkflowEngine

/// A store on its own schema, a folder with a ledger, and workers over them.
struct ServicesHand: Sendable {
    let settings: ConnectionSettings
    let store: EngineStore
    let scratch: ScratchFolder
    /// Held while the test lives.
    let turn: TestTurn
    var folder: String { scratch.path }
    var ledger: Ledger { Ledger(folder: folder) }
    var control: Control { Control(folder: folder) }

    static func start() async throws -> ServicesHand {
        let turn = await TestTurn.take()
        let rig = try await PostgreSQLRig.start()
        let scratch = try ScratchFolder("services")
        let key = try SealingKey(file: scratch.path + "/jobs.key", maker: "test")
        return ServicesHand(settings: rig.settings, store: try await EngineStore.open(rig.settings, key: key), scratch: scratch, turn: turn)
    }

    /// The executable with the same catalog: guards and worker processes.
    static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "flow-test-worker").path

    func configuration(
        host: String = "host1", scope: ClaimRequest.Scope = .fleet, lease: TimeSpan = .seconds(10), poll: TimeSpan = .milliseconds(50),
        guardCommand: [String]? = nil, allowed: AllowList = AllowList()
    ) -> WorkerConfiguration {
        WorkerConfiguration(
            host: host, scope: scope, lease: lease, poll: poll, scratchFolder: folder + "/scratch",
            guardCommand: guardCommand ?? [Self.program, "guard"], allowed: allowed)
    }

    func worker(_ configuration: WorkerConfiguration? = nil, catalog: Catalog = TestCatalog.all) -> Worker {
        Worker(configuration ?? self.configuration(), store: store, catalog: catalog)
    }

    func submit(_ plan: Plan, owner: WorkerID? = nil, origin: JobOrigin = .local, deadline: TimeSpan? = nil) async throws -> JobID {
        try await store.submit(JobSubmission(plan: plan, origin: origin, owner: owner, deadline: deadline))
    }

    func stored(_ job: JobID) async throws -> JobRun { try #require(try await store.loadRun(job)) }

    func waitForEnd(_ job: JobID, within limit: Duration = .seconds(90)) async throws -> JobRun {
        try await eventually("the job ends", within: limit) { try await stored(job).hasEnded }
        return try await stored(job)
    }

    /// Runs a worker while `body` does something, then shuts it down.
    func withWorker<Value: Sendable>(
        _ configuration: WorkerConfiguration? = nil, catalog: Catalog = TestCatalog.all, _ body: @Sendable (Worker) async throws -> Value
    ) async throws -> Value {
        let worker = worker(configuration, catalog: catalog)
        let task = Task { try await worker.run() }
        let value: Value
        do {
            value = try await body(worker)
        } catch {
            await worker.shutDown(grace: .milliseconds(0))
            throw error
        }
        await worker.shutDown()
        try await task.value
        return value
    }
}
