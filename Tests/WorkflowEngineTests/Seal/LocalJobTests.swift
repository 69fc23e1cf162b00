import Basics
import FlowModel
import FlowTestKit
import PostgreSQL
import Rigs
import StepKit
import Synchronization
import Testing

@testable import WorkflowEngine

extension RunRecord {
    static var sample: RunRecord {
        RunRecord(
            job: JobID(rawValue: "0190"), tenant: "default", plan: PlanID(rawValue: "ab"), origin: .local, parameters: ["x": .double(1.5)],
            run: JobRun(RunDefinition(steps: [.work("a")]), createdAt: Instant(microseconds: 1)))
    }
}

/// Who can write the control database can't make a worker trust a job.
@Suite struct LocalJobTests {
    private func trust(_ hand: StoreHand, _ job: JobID) async throws -> JobTrust {
        let other = try await hand.another()
        return other.store.key.trust(try #require(try await other.store.load([job]).first))
    }

    private func submit(_ hand: StoreHand, _ step: StepID, _ origin: JobOrigin, _ parameters: [String: JSONValue]) async throws -> JobID {
        try await hand.store.submit(
            JobSubmission(plan: Plan(pipeline: "test", steps: [.work(step)]), parameters: parameters, origin: origin))
    }

    @Test func aSealIsGoodForTheJobAsItWasMadeOnly() async throws {
        let hand = try await StoreHand.start()
        let parameters: [String: JSONValue] = [
            "size": .double(1e-7), "large": .double(1e22), "whole": 2, "text": "a\0ü\u{1F600}", "list": [nil, .double(0.5), false],
        ]
        let local = try await submit(hand, "a", .local, parameters)
        let other = try await submit(hand, "b", .local, parameters)
        let submitted = try await submit(hand, "a", .submitted, parameters)
        #expect(try await trust(hand, local) == .local)
        #expect(try await trust(hand, submitted) == .submitted)
        let stranger = try await hand.stranger()
        #expect(stranger.store.key.trust(try #require(try await stranger.store.load([local]).first)) == .unproven(local, maker: "process"))
        for (statement, job) in [
            ("UPDATE jobs SET origin = 'local' WHERE id = '\(submitted)'", submitted),
            // Another's seal.
            ("UPDATE jobs j SET maker = o.maker, seal = o.seal FROM jobs o WHERE j.id = '\(submitted)' AND o.id = '\(local)'", submitted),
            ("UPDATE jobs SET parameters = parameters || '{\"whole\": 3}' WHERE id = '\(local)'", local),
            ("UPDATE jobs SET parameters = parameters || '{\"whole\": 2}', maker = 'root@db' WHERE id = '\(local)'", local),
            ("UPDATE jobs SET maker = NULL, seal = NULL WHERE id = '\(other)'", other),
        ] {
            try await hand.execute(statement)
            guard case .unproven(job, _) = try await trust(hand, job) else {
                Issue.record("trusted after \(statement)")
                continue
            }
        }
        // Put back as it was, it is what it was.
        try await hand.execute("UPDATE jobs SET maker = 'process' WHERE id = '\(local)'")
        #expect(try await trust(hand, local) == .local)
    }

    @Test func theSealComesBackFromHistory() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await submit(hand, "a", .local, [:])
        let claimed = try #require(try await hand.claim(worker).first)
        _ = try await hand.store.apply(.fail("a", token: claimed.token, .test(.permanent)), to: job)
        #expect(try await hand.store.moveToHistory(endedFor: .seconds(0)) == 1)
        #expect(try await hand.store.apply(.retryJob(by: "ann"), to: job).refusal == nil)
        #expect(try await trust(hand, job) == .local)
    }

    @Test func aPlanThatIsNotItsIdIsRefused() async throws {
        let hand = try await StoreHand.start()
        let job = try await submit(hand, "a", .local, [:])
        // Both of a plan's copies changed alike.
        try await hand.execute(
            """
            UPDATE step_plans SET planned = planned || '{"settings": {"argv": ["sh"]}}';
            UPDATE plans SET document = jsonb_set(document, '{steps,0,settings}', '{"argv": ["sh"]}');
            """)
        let other = try await hand.another()
        let error = await #expect(throws: Explanation.self) { _ = try await other.store.load([job]) }
        #expect(error?.isRotten == true && error?.found.contains("SHA-256") == true, "\(String(describing: error))")
    }

    /// Its process goes on with it though its row names nobody, or somebody else, as its owner.
    @Test func theOwnersNameIsNotWhatMakesItOnes() async throws {
        let hand = try await StoreHand.start()
        let mine = try await hand.register("mine")
        let theirs = try await hand.register("theirs")
        let stranger = try await hand.stranger()
        for owner in ["NULL", "'theirs'", "'nobody'"] {
            let job = try await hand.submit([.work("a")], owner: mine)
            try await hand.execute("UPDATE jobs SET owner = \(owner) WHERE id = '\(job)'")
            let seen = Mutex<[JobTrust]>([])
            _ = try await stranger.store.claim(
                ClaimRequest(worker: theirs, host: "host1", labels: [:], scope: owner == "'theirs'" ? .owned : .fleet, limit: 10) {
                    _, _, trust in
                    seen.withLock { $0.append(trust) }
                    return nil
                })
            #expect(seen.withLock { $0 } == [.unproven(job, maker: "process")], "who gets it that way does not get its trust")
            #expect(try await hand.claim(mine, scope: .owned).map(\.job) == [job], "owner \(owner)")
        }
    }

    @Test(arguments: [false, true]) func aStrangersLocalJobIsHeldByTheAllowList(isAdopted: Bool) async throws {
        let hand = try await ServicesHand.start()
        let job = try await hand.submit(TestPlan.copies(["copy"], folder: hand.folder), origin: .submitted)
        let other = try await EngineStore.open(hand.settings)
        let connection = try await Connection.connect(hand.settings)
        try await connection.execute(script: "UPDATE jobs SET origin = 'local', maker = 'root@host1', seal = repeat('0', 64)")
        let log = LogCapture()
        var configuration = hand.configuration()
        configuration.adoptsLocal = isAdopted
        configuration.log = log.logger
        let worker = Worker(configuration, store: other, catalog: TestCatalog.all)
        let task = Task { try await worker.run() }
        if isAdopted {
            #expect(try await hand.waitForEnd(job).job.outcome == .succeeded)
        } else {
            try await eventually("it is said") { log.contains("seal") }
            #expect(try await hand.stored(job)["copy"]?.attempts == 0)
            #expect(log.lines.count { $0.contains("root@host1") && $0.contains("--adopt-local") } == 1)
        }
        await worker.shutDown()
        try await task.value
    }

    /// A step that does not say what it opens was not looked at for it.
    @Test func aSubmittedStepOpensOnlyWhatTheListAllows() async throws {
        let hand = try await ServicesHand.start()
        var plan = TestPlan.copies(["copy"], folder: hand.folder)
        let worker = hand.configuration(allowed: AllowList(paths: [hand.folder]))
        plan.steps[0].systems = []
        plan.systems["box"]?.settings["folder"] = "/var/lib/secret"
        let confined = worker.allowed.confined(plan, TestCatalog.all)
        #expect(confined.systems.isEmpty && worker.allowList(for: .submitted) == worker.allowed && worker.allowList(for: .local) == nil)
        let job = try await hand.submit(plan, origin: .submitted)
        let run = try await hand.withWorker(worker) { _ in try await hand.waitForEnd(job) }
        #expect(run.job.outcome == .failed && run["copy"]?.error?.expected == "a system box with a folder")
    }

    /// What a row names is removed only where a step of ours made it.
    @Test func aBaseOfAStrangersNameIsNone() async throws {
        let ours = StepKey(job: JobID(rawValue: "0190"), step: "snapshot", generation: 1).text
        for (key, isOurs) in [
            (ours, true), ("\(ours)-0", true), ("\(ours)-12", true), ("daily", false), ("sf-daily", false), ("\(ours)/../x", false),
            ("\(ours)-", false), ("\(ours)-1-2", false), (ours.uppercased(), false), ("", false),
        ] { #expect(StepKey.isOne(key) == isOurs, "\(key)") }
        let hand = try await StoreHand.start()
        let base = Base(
            systemIdentity: "s", repositoryID: "r", snapshotID: "x", snapshot: SystemSnapshot(key: ours), acquiredBy: "snapshot")
        func write(_ key: String) async throws {
            var base = base
            base.snapshot.key = key
            let json = try JSONValue(encoding: base).canonicalText
            try await hand.execute(
                "DELETE FROM bases; INSERT INTO bases VALUES ('default', 's', 'r', '\(json)', '\(key)', gen_random_uuid(), now())")
        }
        try await write(ours)
        #expect(try await hand.store.base(tenant: "default", systemIdentity: "s", repositoryID: "r") == base)
        try await write("daily")
        #expect(try await hand.store.base(tenant: "default", systemIdentity: "s", repositoryID: "r") == nil)
        var next = base
        next.snapshot.key = ours + "-1"
        let replacing = [next]
        let former = try await hand.store.pool.transaction {
            try await hand.store.formerBases(of: replacing, tenant: "default", on: $0)
        }
        #expect(former == [])
    }
}
