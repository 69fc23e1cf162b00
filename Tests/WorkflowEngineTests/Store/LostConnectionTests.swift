import Basics
import FlowModel
import PostgreSQL
import Rigs
import StepKit
import Testing

@testable import WorkflowEngine

/// A connection that breaks under a call that may be made twice is no matter of its caller's: a server goes down for a moment, and who asks it something
/// would have to ask again.
@Suite struct LostConnectionTests {
    struct Call: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Whether it came to what it should.
        let make: @Sendable (EngineStore, ClaimedStep, WorkerID) async throws -> Bool

        init(_ name: String, _ make: @escaping @Sendable (EngineStore, ClaimedStep, WorkerID) async throws -> Bool) {
            testDescription = name
            self.make = make
        }
    }

    static let calls = [
        Call("loadRun") { store, step, _ in try await store.loadRun(step.job) != nil },
        Call("job") { store, step, _ in try await store.job(step.job) != nil },
        Call("jobs") { store, _, _ in try await store.jobs().count == 1 },
        Call("findJob") { store, step, _ in try await store.findJob(step.job.rawValue) == step.job },
        Call("summary") { store, step, _ in try await store.summary(step.job) != nil },
        Call("events") { store, step, _ in try await !store.events(job: step.job).isEmpty },
        Call("logs") { store, step, _ in try await store.logs(job: step.job).isEmpty },
        Call("armed") { store, _, _ in try await store.armed().isEmpty },
        Call("bases") { store, _, _ in try await store.bases().isEmpty },
        Call("workers") { store, _, _ in try await store.workers().count == 1 },
        Call("setAsideJobs") { store, _, _ in try await store.setAsideJobs().isEmpty },
        Call("base") { store, _, _ in try await store.base(tenant: "default", systemIdentity: "s", repositoryID: "r") == nil },
        Call("proofs") { store, _, _ in try await store.proofs(tenant: "default", repositoryID: "r").isEmpty },
        Call("isHeld") { store, _, _ in try await !store.isHeld(tenant: "default", resources: ["x"]) },
        Call("lostWork") { store, _, _ in try await store.lostWork(limit: 10).isEmpty },
        Call("neighbours") { store, _, _ in try await store.neighbours(host: "host1").count <= 1 },
        Call("dueJobs") { store, _, _ in try await store.dueJobs(limit: 10).isEmpty },
        Call("untilNextDue") { store, _, _ in try await store.untilNextDue() == nil },
        Call("heartbeat") { store, _, worker in try await store.heartbeat(worker, lease: .minutes(20)) != nil },
        Call("saveCheckpoint") { store, step, _ in
            try await store.saveCheckpoint(["at": 1], job: step.job, step: step.step, token: step.token)
            return true
        },
        Call("saveProgress") { store, step, _ in
            try await store.saveProgress([ProgressReport(job: step.job, step: step.step, token: step.token, progress: StepProgress())])
            return true
        },
        Call("tidy") { store, _, _ in
            try await store.tidy()
            return true
        },
        Call("register") { store, _, _ in
            let registration = WorkerRegistration(id: WorkerID(rawValue: "another"), host: "host1", process: 2, labels: [:])
            try await store.register(registration, lease: .minutes(20))
            return try await store.workers().count == 2
        },
        Call("submit") { store, _, _ in
            let job = try await store.submit(JobSubmission(plan: Plan(pipeline: "another", steps: [.work("a")])))
            return try await store.jobs(JobFilter(pipeline: "another")).map(\.id) == [job]
        },
        Call("retire") { store, _, worker in
            try await store.retire(worker)
            return true
        },
    ]

    /// Every table is locked, and the server's process that waits for one is ended.
    @Test(arguments: calls)
    func aCallIsMadeAgain(_ call: Call) async throws {
        let rig = try await PostgreSQLRig.start()
        var settings = rig.settings
        settings.applicationName = "victim-\(rig.schema)"
        let hand = StoreHand(rig: rig, store: try await EngineStore.open(settings))
        let worker = try await hand.register("w")
        _ = try await hand.submit([.work("a")])
        let claimed = try #require(try await hand.claim(worker).first)
        let holder = try await Connection.connect(rig.settings)
        let tables = try await holder.query("SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = current_schema()")
        let names = try tables.map { try $0.get("name", as: String.self) }.joined(separator: ", ")
        try await holder.execute(script: "BEGIN; LOCK TABLE \(names) IN ACCESS EXCLUSIVE MODE")
        let store = hand.store
        let task = Task { try await call.make(store, claimed, worker) }
        let killer = try await Connection.connect(rig.settings)
        let name = settings.applicationName
        try await eventually("the call waits, and its connection is gone") {
            try await !killer.query(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'",
                [.text(name)]
            ).isEmpty
        }
        try await holder.execute(script: "ROLLBACK")
        #expect(try await task.value)
    }

    /// The server has committed, waits for a standby that is none, and is ended there: the submitter hears of a lost connection, where its job is made.
    @Test func aJobThatWasMadeIsNotMadeTwice() async throws {
        let server = try await PostgreSQLServerRig.start()
        defer { server.stop() }
        var settings = server.settings()
        settings.applicationName = "victim"
        let store = try await EngineStore.open(settings)
        let call = try #require(Self.calls.first { $0.testDescription == "submit" })
        let worker = WorkerID(rawValue: "w")
        try await store.register(WorkerRegistration(id: worker, host: "host1", process: 1, labels: [:]), lease: .minutes(20))
        let job = try await store.submit(JobSubmission(plan: Plan(pipeline: "test", steps: [.work("a")])))
        let request = ClaimRequest(worker: worker, host: "host1", labels: [:], scope: .fleet, limit: 1) { _, _, _ in
            Claimant(worker: worker, host: "host1")
        }
        let claimed = try #require(try await store.claim(request).first)
        #expect(claimed.job == job)
        let killer = try await Connection.connect(server.settings())
        try await killer.execute(script: "SET synchronous_commit = local")
        try await killer.execute(script: "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        try await killer.execute(script: "SELECT pg_reload_conf()")
        let task = Task { try await call.make(store, claimed, worker) }
        try await eventually("what was committed waits for the standby, and its connection is gone") {
            let waiting = "SELECT pid FROM pg_stat_activity WHERE application_name = 'victim' AND wait_event = 'SyncRep'"
            guard let pid = try await killer.query(waiting).first?.get("pid", as: Int.self) else { return false }
            // The next ones wait for nobody.
            try await killer.execute(script: "ALTER SYSTEM RESET synchronous_standby_names")
            return try await killer.query("SELECT pg_terminate_backend($1::integer, 10000) AS gone", [.int(pid)]).first?.get("gone")
                ?? false
        }
        try await killer.execute(script: "SELECT pg_reload_conf()")
        #expect(try await task.value)
    }

    /// A server that says nothing has had its time; to give it that again and again would hang whoever asks.
    @Test func silenceIsNotAskedAgain() async throws {
        let rig = try await PostgreSQLRig.start()
        var settings = rig.settings
        settings.answerTimeout = .milliseconds(300)
        settings.applicationName = "silent-\(rig.schema)"
        let store = try await EngineStore.open(settings)
        let holder = try await Connection.connect(rig.settings)
        try await holder.execute(script: "BEGIN; LOCK TABLE workers IN ACCESS EXCLUSIVE MODE")
        let error = await #expect(throws: PostgreSQLError.self) { _ = try await store.workers() }
        #expect(error?.isSilence == true && error?.isConnectionLost == true && error?.retry == .transient)
        // Who asked waits for the lock still, whether anybody listens or not.
        let waiting = "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'"
        #expect(try await holder.query(waiting, [.text(settings.applicationName)]).count == 1)
    }

    @Test func anIDOfAnotherProcessIsNotTaken() async throws {
        let hand = try await StoreHand.start()
        try await hand.register("w")
        // Its own is.
        try await hand.register("w")
        let other = WorkerRegistration(id: WorkerID(rawValue: "w"), host: "host2", process: 1, labels: [:])
        let error = await #expect(throws: Explanation.self) { try await hand.store.register(other, lease: .minutes(20)) }
        #expect(error?.code == "worker-known")
        try await hand.store.retire(WorkerID(rawValue: "w"))
        await #expect(throws: Explanation.self) { try await hand.register("w") }
    }
}
