import Basics
import FlowModel
import Foundation
import PostgreSQL
import Rigs
import StepKit
import Testing

@testable import WorkflowEngine

/// A server of a test's own, which may be stopped.
private struct PrivateServer {
    let cluster: EmbeddedCluster
    let lease: EmbeddedCluster.Lease

    static func start(durable: Bool = false) async throws -> PrivateServer {
        let path = NSTemporaryDirectory() + "/snappy-flow-store-\(UInt32.random(in: .min ... .max))"
        let cluster = try EmbeddedCluster(path: path, isDurable: durable, isDisposable: true, grace: .seconds(1))
        return PrivateServer(cluster: cluster, lease: try await cluster.acquire())
    }

    func restart() async throws {
        _ = try await cluster.down(force: true)
        _ = try await cluster.acquire()
    }
}

@Suite struct StoreFaultTests {
    private let patience = RetryPolicy(attempts: 40, backoff: .milliseconds(50), maxBackoff: .milliseconds(500))

    private func chain(_ length: Int) -> [PlannedStep] {
        (0..<length).map { .work(StepID("s\($0)"), after: $0 == 0 ? [] : [StepID("s\($0 - 1)")], reason: .order) }
    }

    private func submit(_ steps: [PlannedStep], _ store: EngineStore) async throws -> JobID {
        try await store.submit(JobSubmission(plan: Plan(pipeline: "test", steps: steps)))
    }

    private func claim(_ worker: WorkerID, _ store: EngineStore, limit: Int = 1) async throws -> [ClaimedStep] {
        try await store.claim(
            ClaimRequest(worker: worker, host: "h", labels: [:], scope: .fleet, limit: limit) { _, _, _ in
                Claimant(worker: worker, host: "h")
            })
    }

    private func count(_ sql: String, _ store: EngineStore) async throws -> Int {
        try #require(try await store.pool.query("SELECT count(*) AS n FROM \(sql)").first).get("n")
    }

    /// A process can be stopped (a debugger, a suspended machine) between any two statements.
    @Test func aWorkerStoppedInATransactionLocksItsJobForSecondsOnly() async throws {
        let server = try await PrivateServer.start()
        let store = try await EngineStore.open(server.lease.settings)
        let other = try await EngineStore.open(server.lease.settings)
        let job = try await submit(chain(1), store)
        let error = await #expect(throws: PostgreSQLError.self) {
            try await store.pool.transaction { connection in
                try await connection.query("SELECT 1 FROM jobs WHERE id = $1::uuid FOR UPDATE", [.text(job.rawValue)])
                #expect(try await other.apply(.cancel(by: "somebody"), to: job).refusal == nil)
                try await connection.query("SELECT 1")
            }
        }
        #expect(error?.isConnectionLost == true && error?.retry == .transient)
        #expect(try await store.loadRun(job)?.job.outcome == .cancelled)
    }

    @Test func aRestartBetweenCallsIsHardlyNoticed() async throws {
        let server = try await PrivateServer.start()
        let store = try await EngineStore.open(server.lease.settings, patience: patience)
        let worker = WorkerID(rawValue: "w")
        try await store.register(WorkerRegistration(id: worker, host: "h", process: 1, labels: [:]), lease: .minutes(20))
        let job = try await submit(chain(3), store)
        for _ in 0..<3 {
            let claimed = try #require(try await claim(worker, store).first)
            try await server.restart()
            #expect(try await store.apply(.finish(claimed.step, token: claimed.token, FinishedStep()), to: job).refusal == nil)
            try await server.restart()
            #expect(try await store.heartbeat(worker, lease: .minutes(20)) != nil)
        }
        #expect(try await store.loadRun(job)?.job.outcome == .succeeded)
    }

    @Test func restartsInTheMiddleLoseNothingAndRepeatNothing() async throws {
        let server = try await PrivateServer.start(durable: true)
        let store = try await EngineStore.open(server.lease.settings, patience: patience)
        let worker = WorkerID(rawValue: "w")
        try await store.register(WorkerRegistration(id: worker, host: "h", process: 1, labels: [:]), lease: .minutes(20))
        let job = try await submit(chain(120), store)
        async let restarts: Void = {
            for _ in 0..<3 { try await server.restart() }
        }()
        var finished = 0
        while finished < 120 {
            // A claim whose answer was lost has started a step that nobody runs: the next claim gives it back first.
            let claimed = try #require(try await stubborn { try await claim(worker, store) }.first)
            let applied = try await stubborn { try await store.apply(.finish(claimed.step, token: claimed.token, FinishedStep()), to: job) }
            #expect(applied.refusal == nil)
            finished += 1
        }
        try await restarts
        #expect(try await store.loadRun(job)?.job.outcome == .succeeded)
        #expect(try await count("events WHERE kind = 'stepSucceeded'", store) == 120)
        #expect(try await count("attempts WHERE outcome = 'succeeded'", store) == 120)
        #expect(try await count("attempts WHERE outcome = 'running'", store) == 0)
    }

    @Test func killedConnectionsLoseNothingAndRepeatNothing() async throws {
        var settings = try await PostgreSQLRig.start().settings
        settings.applicationName = "victim-\(settings.searchPath ?? "")"
        let store = try await EngineStore.open(settings, patience: patience)
        let killer = try await Connection.connect(try await PostgreSQLRig.start().settings)
        let worker = WorkerID(rawValue: "w")
        try await store.register(WorkerRegistration(id: worker, host: "h", process: 1, labels: [:]), lease: .minutes(20))
        let job = try await submit(chain(60), store)
        let name = settings.applicationName
        let kills = Task {
            var kills = 0
            while !Task.isCancelled {
                let rows = try await killer.query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND random() < 0.2", [.text(name)])
                kills += rows.count
                try await killer.query("SELECT pg_sleep(0.03)")
            }
            return kills
        }
        var finished = 0
        while finished < 60 {
            let claimed = try #require(try await stubborn { try await claim(worker, store) }.first)
            let applied = try await stubborn { try await store.apply(.finish(claimed.step, token: claimed.token, FinishedStep()), to: job) }
            #expect(applied.refusal == nil)
            finished += 1
        }
        kills.cancel()
        if let count = try? await kills.value { #expect(count > 0) }
        #expect(try await store.loadRun(job)?.job.outcome == .succeeded)
        #expect(try await count("events WHERE kind = 'stepSucceeded'", store) == 60)
        #expect(try await count("holds", store) == 0)
    }

    /// Commits on an otherwise idle server, with every write on disk.
    @Test func aStepCostsTwoTransactions() async throws {
        let server = try await PrivateServer.start(durable: true)
        let store = try await EngineStore.open(server.lease.settings)
        let worker = WorkerID(rawValue: "w")
        try await store.register(WorkerRegistration(id: worker, host: "h", process: 1, labels: [:]), lease: .minutes(20))
        let length = 100
        let job = try await submit(chain(length), store)
        let before = try await commits(store)
        let clock = ContinuousClock()
        let begun = clock.now
        for _ in 0..<length {
            let claimed = try #require(try await claim(worker, store).first)
            _ = try await store.apply(.finish(claimed.step, token: claimed.token, FinishedStep()), to: job)
        }
        let elapsed = clock.now - begun
        let after = try await commits(store)
        let each = Double(after - before) / Double(length)
        print("transactions a step: \(each); time a step: \(elapsed / length)")
        #expect(each < 2.5)
    }

    private func commits(_ store: EngineStore) async throws -> Int {
        let rows = try await store.pool.withConnection { connection in
            // Backends report at the end of a transaction, at most once a second; this makes ours report now.
            try await connection.query("SELECT pg_stat_force_next_flush()")
            return try await connection.query("SELECT xact_commit AS n FROM pg_stat_database WHERE datname = current_database()")
        }
        return try #require(rows.first).get("n")
    }

    private func stubborn<Value>(_ body: () async throws -> Value) async throws -> Value {
        for _ in 0..<100 {
            do { return try await body() } catch let error as PostgreSQLError where error.retry == .transient {}
        }
        return try await body()
    }
}
