import Basics
import FlowModel
import PostgreSQL
import Rigs
import StepKit
import Testing

@testable import WorkflowEngine

@Suite struct StoreHistoryTests {
    private func finishAll(_ worker: WorkerID, _ hand: StoreHand) async throws {
        while case let claimed = try await hand.claim(worker), !claimed.isEmpty {
            for step in claimed { try await hand.finish(step) }
        }
    }

    @Test func aCleanJobMovesWholeAndIsStillShown() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit(.backup())
        try await finishAll(worker, hand)
        let before = try #require(try await hand.store.job(job))
        #expect(try await hand.store.moveToHistory(endedFor: .seconds(3600)) == 0)
        #expect(try await hand.store.moveToHistory(endedFor: .seconds(0)) == 1)
        for table in ["jobs", "steps", "step_plans", "windows", "attempts", "compensations", "holds"] {
            #expect(try await hand.count(table) == 0)
        }
        let after = try #require(try await hand.store.job(job))
        #expect(after.summary.isInHistory)
        #expect(after.run == before.run)
        #expect(after.attempts == before.attempts)
        #expect(after.attempts.count == 6)
        #expect(after.plan == before.plan)
        #expect(try await hand.store.jobs().map(\.id) == [job])
        #expect(try await hand.store.jobs(JobFilter(activeOnly: true)) == [])
        #expect(try await hand.store.events(job: job).count > 10)
        #expect(try await hand.store.findJob(String(job.rawValue.suffix(8))) == job)
    }

    @Test func nothingThatOwesAnUndoMoves() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit([.work("acquire", undoneBy: "undo"), .undo("undo", of: "acquire", after: ["acquire"])])
        try await hand.finish(try #require(try await hand.claim(worker).first))
        var undo = try #require(try await hand.claim(worker).first)
        for _ in 0..<3 {
            let failure = Explanation(.failed, expected: "a", found: "b", at: "c", retry: .transient)
            _ = try await hand.store.apply(.fail("undo", token: undo.token, failure), to: job)
            try await hand.execute("UPDATE steps SET not_before = NULL")
            let other = try await hand.another()
            undo = try #require(try await other.claim(worker).first)
        }
        let run = try await hand.stored(job)
        #expect(run.job.outcome == .succeeded)
        #expect(run.job.cleanup == .failed)
        #expect(!run.hasEnded)
        #expect(try await hand.store.moveToHistory(endedFor: .seconds(0)) == 0)
        #expect(try await hand.store.armed().first?.failures == 3)
        try await hand.finish(undo)
        #expect(try await hand.stored(job).job.cleanup == .clean)
        #expect(try await hand.store.moveToHistory(endedFor: .seconds(0)) == 1)
    }

    @Test func whatWasGivenUpMovesAndSaysSo() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit([.work("acquire", undoneBy: "undo"), .undo("undo", of: "acquire", after: ["acquire"])])
        try await hand.finish(try #require(try await hand.claim(worker).first))
        let undo = try #require(try await hand.claim(worker).first)
        #expect(try await hand.store.apply(.abandon(nil, by: "ann"), to: job).refusal == nil)
        #expect(try await hand.store.apply(.finish("undo", token: undo.token, FinishedStep()), to: job).refusal == .staleToken)
        #expect(try await hand.store.armed().isEmpty)
        #expect(try await hand.store.jobs().map(\.cleanup) == [.abandoned])
        #expect(try await hand.store.moveToHistory(endedFor: .seconds(0)) == 1)
        #expect(try await hand.store.jobs().map(\.cleanup) == [.abandoned])
        let shown = try #require(try await hand.store.job(job))
        #expect(shown.run["undo"]?.skipped == .abandoned && shown.summary.cleanup == .abandoned)
        let said = try #require(try await hand.store.events(job: job).first { $0.kind == "abandoned" })
        #expect(said.isAlarm && said.details["by"] == "ann")
        // An older program reads what it knows words for.
        try await hand.store.pool.withConnection { try await Migrator().move($0, to: 1) }
        #expect(try await hand.count("history WHERE run::text LIKE '%\"abandoned\"%'") == 0)
        try await hand.store.pool.withConnection { try await Migrator().migrate($0) }
        #expect(try await hand.store.jobs().map(\.cleanup) == [.clean])
    }

    @Test func aJobInHistoryCanBeRetried() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit(.backup())
        var failed = false
        while case let claimed = try await hand.claim(worker), !claimed.isEmpty {
            for step in claimed {
                if step.step == "verify", !failed {
                    failed = true
                    let failure = Explanation(.failed, expected: "a", found: "b\0c", at: "c", retry: .permanent)
                    _ = try await hand.store.apply(.fail(step.step, token: step.token, failure), to: job)
                } else {
                    try await hand.finish(step)
                }
            }
        }
        let ended = try await hand.stored(job)
        #expect(ended.job.outcome == .failed)
        #expect(try await hand.store.moveToHistory(endedFor: .seconds(0)) == 1)
        #expect(try await hand.store.apply(.cancel(by: "x"), to: job).refusal == .nothingToDo)
        #expect(try await hand.store.apply(.finish("verify", token: 1, FinishedStep()), to: job).refusal == .staleToken)
        #expect(try await hand.count("history") == 1)
        #expect(try await hand.store.apply(.retryJob(by: "somebody"), to: job).refusal == nil)
        #expect(try await hand.count("history") == 0)
        #expect(try await hand.claim(worker).map(\.step) == ["verify"])
        #expect(try await hand.store.job(job)?.attempts.count == 7)
        #expect(try await hand.count("compensations WHERE undone_at IS NOT NULL") == 2)
    }

    @Test func tidyingFollowsThePolicy() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        for _ in 0..<103 { _ = try await hand.submit([.work("a")]) }
        try await finishAll(worker, hand)
        try await hand.store.tidy()
        #expect(try await hand.count("jobs") == 103)
        try await hand.execute("UPDATE jobs SET ended_at = ended_at - interval '11 minutes'")
        try await hand.store.tidy()
        #expect(try await hand.count("jobs") == 0)
        try await hand.execute("UPDATE history SET ended_at = ended_at - interval '401 days'")
        try await hand.store.tidy()
        #expect(try await hand.count("history") == 100)
    }

    @Test func pruningKeepsTheNewestOfEachPipeline() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        for _ in 0..<5 { _ = try await hand.submit([.work("a")]) }
        try await finishAll(worker, hand)
        let newest = try await hand.store.jobs().first?.id
        try await hand.execute(
            "UPDATE jobs SET ended_at = ended_at + (id::text > (SELECT max(id::text) FROM jobs WHERE id <> '\(newest!)'))::integer * interval '1 second'"
        )
        #expect(try await hand.store.moveToHistory(endedFor: .seconds(-10)) == 5)
        #expect(try await hand.store.pruneHistory(olderThan: .days(1), keeping: 1) == 0)
        #expect(try await hand.store.pruneHistory(olderThan: .seconds(-10), keeping: 1) == 4)
        #expect(try await hand.store.jobs().map(\.id) == [newest])
        #expect(try await hand.count("events WHERE job <> '\(newest!)'") == 0)
    }

    private static func key(_ name: String) -> String { StepKey(job: JobID(rawValue: name), step: "snapshot", generation: 1).text }

    /// Rows that nodes of a plan read from history, whatever they did with them.
    private func rowsRead(_ node: JSONValue) -> Int {
        let loops = Int64(node["Actual Loops"]?.doubleValue ?? 0)
        let rows = ["Actual Rows", "Rows Removed by Filter"].reduce(Int64(0)) { $0 + Int64(node[$1]?.doubleValue ?? 0) }
        let own = node["Relation Name"]?.stringValue == "history" && node["Node Type"]?.stringValue != "ModifyTable" ? rows * loops : 0
        return Int(own) + (node["Plans"]?.arrayValue ?? []).reduce(0) { $0 + rowsRead($1) }
    }

    @Test func tidyingReadsWhatItRemoves() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        _ = try await hand.submit([.work("a")])
        try await finishAll(worker, hand)
        let pipelines = 20
        // 20 000 jobs of 20 pipelines, up to 500 days old; of each pipeline as many are older than 400.
        try await hand.execute(
            """
            INSERT INTO history SELECT tenant, gen_random_uuid(), plan, 'p' || n % \(pipelines), origin, parameters, 'succeeded', NULL, now(),
                now() - (n - 0.5) * interval '500 days' / 20000, 1, '{}', '[]', '[]' FROM jobs, generate_series(1, 20000) n;
            ANALYZE history;
            """)
        let connection = try await Connection.connect(hand.rig.settings)
        func read(olderThan days: Int64, keeping: Int, limit: Int) async throws -> Int {
            try await connection.execute(script: "BEGIN")
            let rows = try await connection.query(
                "EXPLAIN (ANALYZE, FORMAT JSON) " + EngineStore.sql("prune-history"), [.interval(.days(days)), .int(keeping), .int(limit)])
            try await connection.execute(script: "ROLLBACK")
            let plan = try #require(try rows.first?.get("QUERY PLAN", as: JSONValue.self))
            return rowsRead(plan.arrayValue?.first?["Plan"] ?? .null)
        }
        // Nothing is old: a look at each pipeline, to find it and at its oldest job.
        #expect(try await read(olderThan: 600, keeping: 100, limit: 200) <= 3 * pipelines)
        // 200 go: each is read to be found and to be removed.
        let some = try await read(olderThan: 400, keeping: 100, limit: 200)
        #expect(some >= 200 && some <= 3 * 200 + 105 * pipelines, "\(some)")
        #expect(try await hand.store.pruneHistory(olderThan: .days(400), keeping: 100) == 200)
        try await hand.store.tidy()
        #expect(try await hand.count("history WHERE ended_at < now() - interval '400 days'") == 0)
        #expect(try await hand.count("history") == 16_000)
    }

    @Test func basesAreReplacedAndReleased() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        func base(_ key: String) -> Base {
            Base(
                systemIdentity: "s", repositoryID: "r", snapshotID: "snap-" + key, snapshot: SystemSnapshot(key: Self.key(key)),
                acquiredBy: "snapshot")
        }
        for key in ["one", "two"] {
            _ = try await hand.submit(.backup())
            while case let claimed = try await hand.claim(worker), !claimed.isEmpty {
                for step in claimed {
                    let proof = Proof(repositoryID: "r", snapshotID: "snap-" + key, level: .all, isGood: true)
                    try await hand.finish(
                        step,
                        step.step == "copy"
                            ? FinishedStep(bases: [base(key)]) : step.step == "verify" ? FinishedStep(proofs: [proof]) : FinishedStep())
                }
            }
            #expect(try await hand.store.base(tenant: "default", systemIdentity: "s", repositoryID: "r") == base(key))
        }
        let undone = try await hand.count(
            "compensations WHERE step = 'release' AND former -> 0 -> 'snapshot' ->> 'key' = '\(Self.key("one"))' AND undone_at IS NOT NULL")
        #expect(undone == 1)
        #expect(try await hand.store.proofs(tenant: "default", repositoryID: "r").map(\.snapshotID) == ["snap-one", "snap-two"])
        #expect(try await hand.store.bases().map(\.base) == [base("two")])
    }

    @Test func logsAreReadInOrderAndWithoutNUL() async throws {
        let hand = try await StoreHand.start()
        let job = try await hand.submit([.work("a")])
        let lines = (0..<50).map { LogLine(job: job, step: "a", attempt: 1, level: .info, message: "line \($0)\0") }
        try await hand.store.appendLog(lines)
        let first = try await hand.store.logs(job: job, limit: 30)
        let rest = try await hand.store.logs(job: job, after: first.last?.id ?? 0)
        #expect((first + rest).map(\.message) == (0..<50).map { "line \($0)\u{FFFD}" })
    }
}
