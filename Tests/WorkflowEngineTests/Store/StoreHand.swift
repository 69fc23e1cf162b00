import Basics
import FlowModel
import PostgreSQL
import Rigs
import StepKit
import Testing

@testable import WorkflowEngine

/// A store on a schema of its own, and short spellings for what a worker does with it.
struct StoreHand: Sendable {
    let rig: PostgreSQLRig
    let store: EngineStore

    static func start() async throws -> StoreHand {
        let rig = try await PostgreSQLRig.start()
        return StoreHand(rig: rig, store: try await EngineStore.open(rig.settings))
    }

    /// Another process with the same database.
    func another() async throws -> StoreHand { StoreHand(rig: rig, store: try await EngineStore.open(rig.settings)) }

    /// A process of another user.
    func stranger() async throws -> StoreHand {
        let key = SealingKey(bytes: [UInt8](repeating: 7, count: SealingKey.byteCount), maker: "stranger")
        return StoreHand(rig: rig, store: try await EngineStore.open(rig.settings, key: key))
    }

    func submit(
        _ steps: [PlannedStep], windows: [PlannedWindow] = [], limits: [String: Int] = [:], owner: WorkerID? = nil,
        deadline: TimeSpan? = nil
    ) async throws -> JobID {
        let plan = Plan(pipeline: "test", limits: limits, steps: steps, windows: windows)
        return try await store.submit(JobSubmission(plan: plan, owner: owner, deadline: deadline))
    }

    func submit(_ definition: RunDefinition) async throws -> JobID { try await submit(definition.steps, windows: definition.windows) }

    @discardableResult
    func register(_ name: String, host: String = "host1", labels: [String: String] = [:], lease: TimeSpan = .minutes(20)) async throws
        -> WorkerID
    {
        let id = WorkerID(rawValue: name)
        try await store.register(WorkerRegistration(id: id, host: host, process: 1, labels: labels), lease: lease)
        return id
    }

    func claim(
        _ worker: WorkerID, host: String = "host1", labels: [String: String] = [:], scope: ClaimRequest.Scope = .fleet, limit: Int = 10,
        accepts: @escaping @Sendable (PlannedStep) -> Bool = { _ in true }
    ) async throws -> [ClaimedStep] {
        try await store.claim(
            ClaimRequest(worker: worker, host: host, labels: labels, scope: scope, limit: limit) { step, _, _ in
                accepts(step) ? Claimant(worker: worker, host: host) : nil
            })
    }

    @discardableResult
    func finish(_ claimed: ClaimedStep, _ result: FinishedStep = FinishedStep()) async throws -> AppliedEvent {
        try await store.apply(.finish(claimed.step, token: claimed.token, result), to: claimed.job)
    }

    func stored(_ job: JobID) async throws -> JobRun { try #require(try await store.loadRun(job)) }

    func count(_ sql: String) async throws -> Int {
        let connection = try await Connection.connect(rig.settings)
        return try #require(try await connection.query("SELECT count(*) AS n FROM \(sql)").first).get("n")
    }

    func execute(_ sql: String) async throws {
        let connection = try await Connection.connect(rig.settings)
        try await connection.execute(script: sql)
    }
}

extension ClaimedStep {
    var token: Int64 { run[step]?.token ?? -1 }
}
