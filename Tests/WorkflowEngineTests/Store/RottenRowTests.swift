import Basics
import FlowModel
import PostgreSQL
import Rigs
import StepKit
import Testing

@testable import WorkflowEngine

/// Rows that another program, an older version or a hand has spoilt hold up their own job and nothing else.
@Suite struct RottenRowTests {
    /// A job of every kind of row: a window that is open, something armed, a step that is ready, one that runs.
    private func definition(_ name: String) -> RunDefinition {
        var definition = RunDefinition.backup()
        definition.steps.append(PlannedStep(id: "free", verb: "exec", settings: ["name": .string(name)]))
        return definition
    }

    /// The same in every test: a schema that refuses nothing, as one was before there were checks.
    private func start() async throws -> StoreHand {
        let hand = try await StoreHand.start()
        try await hand.execute(
            """
            DO $$ DECLARE c record; BEGIN
                FOR c IN SELECT conrelid::regclass AS place, conname FROM pg_constraint
                         WHERE contype = 'c' AND connamespace = current_schema()::regnamespace LOOP
                    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.place, c.conname);
                END LOOP;
            END $$
            """)
        return hand
    }

    /// A prune goes on with the proofs that are some: of a level that this version does not know, nobody knows what it is worth.
    @Test func aProofThatCanNotBeReadCountsForNothing() async throws {
        let hand = try await start()
        let proof = "INSERT INTO proofs (tenant, repository, snapshot, level, is_good, details, job, step, recorded_at) VALUES"
        let rest = "'{}', '\(JobID.make(milliseconds: 1))', 'v', now())"
        try await hand.execute("ALTER TABLE proofs ALTER is_good DROP NOT NULL")
        for (snapshot, level, good) in [
            ("a", "all", "true"), ("b", "notarised", "true"), ("c", "sample", "NULL"), ("d", "metadata", "false"),
        ] {
            try await hand.execute("\(proof) ('default', 'r', '\(snapshot)', '\(level)', \(good), \(rest)")
        }
        #expect(try await hand.store.proofs(tenant: "default", repositoryID: "r").map(\.snapshotID) == ["a", "d"])
    }

    @Test(arguments: RottenRow.tables) func aRottenRowHoldsUpItsOwnJobOnly(table: String) async throws {
        let hand = try await start()
        let worker = try await hand.register("w")
        for (number, row) in RottenRow.all.filter({ $0.table == table }).enumerated() {
            let dead = try await hand.register("dead", lease: .minutes(20))
            let rotten = try await hand.submit(definition("rotten \(number)"))
            let sound = try await hand.submit(definition("sound"))
            let over = try await hand.submit([.work("over")])
            let late = try await hand.submit([.work("late")], deadline: .milliseconds(1))
            for step in try await hand.claim(dead, accepts: { $0.id == "quiesce" || $0.id == "over" }) {
                if step.job == over {
                    try await hand.finish(step)
                } else {
                    try await hand.store.saveCheckpoint([:], job: step.job, step: step.step, token: step.token)
                }
            }
            try await hand.execute(
                """
                UPDATE workers SET lease_until = now() - interval '1 second' WHERE id = 'dead';
                UPDATE jobs SET tick_at = now() - interval '1 hour' WHERE id = '\(rotten)';
                INSERT INTO progress SELECT job, id, token, '{}', now() FROM steps WHERE job = '\(rotten)' AND state = 'running';
                """)
            try await hand.execute(row.statement.replacing("JOB", with: rotten.rawValue))

            // A process that remembers nothing.
            let other = try await hand.another()
            let said = LogCapture()
            let rescuer = Rescuer(
                store: other.store, host: "elsewhere", interval: .seconds(1), onChange: { _, _ in }, log: said.logger)
            await rescuer.rescue()
            #expect(
                try await hand.count("steps WHERE job = '\(sound)' AND state = 'running'") == 0, "rescue: \(row)\n\(said.lines)")
            let clock = Timekeeper(
                store: other.store, longest: .milliseconds(50), onChange: { _, _ in }, log: said.logger)
            let ticking = Task { await clock.run() }
            try await eventually("the job is ended by its deadline: \(row)\n\(said.lines)", within: .seconds(10)) {
                try await hand.count("jobs WHERE id = '\(late)' AND outcome IS NOT NULL") == 1
            }
            ticking.cancel()
            _ = await ticking.value
            // Jobs that are locked just now are left out of a claim.
            var claimed: [ClaimedStep] = []
            for _ in 0..<20 where !claimed.contains(where: { $0.job == sound && $0.step == "free" }) {
                claimed += try await other.claim(worker)
            }
            #expect(claimed.contains { $0.job == sound && $0.step == "free" }, "claim: \(row)")
            #expect(try await other.store.moveToHistory(endedFor: .seconds(0)) >= 1, "history: \(row)")
            #expect(try await hand.count("history WHERE id = '\(over)'") == 1, "history: \(row)")
            let listed = try await other.store.jobs(limit: 10)
            let aside = try #require(listed.first { $0.id == rotten })
            #expect((aside.setAside?.isEmpty == false) == row.sets && (aside.setAsideAt != nil) == row.sets, "set aside: \(row)")
            #expect(
                try await hand.count("events WHERE job = '\(rotten)' AND kind = 'setAside' AND is_alarm") == (row.sets ? 1 : 0), "\(row)")
            #expect(Set(listed.map(\.id)).isSuperset(of: [rotten, sound, over, late]), "list: \(row)")
            #expect(try await other.store.armed().contains { $0.job == sound }, "held: \(row)")
            #expect(try await other.store.workers().contains { $0.id == worker }, "workers: \(row)")
            #expect(try await other.store.events().contains { $0.job == sound }, "journal: \(row)")
            #expect(try await other.store.job(sound) != nil)
            try await hand.execute(
                "DELETE FROM compensations; DELETE FROM jobs; DELETE FROM history; DELETE FROM events; DELETE FROM workers WHERE id = 'dead'"
            )
        }
    }

    @Test func aMendedJobIsTakenUpByAPerson() async throws {
        let hand = try await start()
        let worker = try await hand.register("w")
        let job = try await hand.submit(definition("mended"))
        try await hand.execute("UPDATE steps SET outputs = '[]' WHERE id = 'free'")
        let other = try await hand.another()
        #expect(try await other.claim(worker).isEmpty)
        #expect(try await other.store.setAsideJobs().map(\.job) == [job])
        // What a person asks of it says why not.
        for event in [RunEvent.cancel(by: "ann"), .retryJob(by: "ann"), .tick] {
            await #expect { _ = try await other.store.apply(event, to: job) } throws: {
                ($0 as? Explanation)?.isRotten == true && ($0 as? Explanation)?.advice.contains("jobs resume") == true
            }
        }
        await #expect(throws: Explanation.self) { _ = try await other.store.takeUp(job, by: "ann") }
        #expect(try await other.store.setAsideJobs().count == 1)
        try await hand.execute("UPDATE steps SET outputs = '{}' WHERE id = 'free'")
        // Not by itself: who mended it may not be done.
        #expect(try await other.claim(worker).isEmpty)
        #expect(try await other.store.takeUp(job, by: "ann"))
        #expect(try await other.store.takeUp(job, by: "ann") == false)
        #expect(try await Set(other.claim(worker).map(\.step)) == ["free", "quiesce"])
        #expect(try await other.store.events(job: job).last { $0.kind == "takenUp" }?.details["by"] == "ann")
    }

    /// Rows from before there were checks: the migration goes forward over them, and they wait apart from the start.
    @Test func theMigrationSetsAsideWhatBreaksItsRules() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let sound = try await hand.submit([.work("a")])
        let wants = try await hand.submit([.work("b")])
        let time = try await hand.submit([.work("c")])
        try await hand.store.pool.withConnection { try await Migrator().move($0, to: 2) }
        try await hand.execute(
            """
            UPDATE steps SET wants = '{}' WHERE job = '\(wants)';
            UPDATE jobs SET created_at = 'infinity' WHERE id = '\(time)';
            UPDATE workers SET labels = '[]' WHERE id = 'w';
            """)
        try await hand.store.pool.withConnection { try await Migrator().migrate($0) }
        let other = try await hand.another()
        #expect(try await Set(other.store.setAsideJobs().map(\.job)) == [wants, time])
        #expect(try await hand.count("events WHERE kind = 'setAside' AND is_alarm") == 2)
        let broken = try await other.store.brokenRules()
        #expect(
            broken.count == 3 && broken.contains { $0.job == nil && $0.reason == "workers w breaks the rule sound_labels" }, "\(broken)")
        #expect(try await other.claim(worker).map(\.job) == [sound])
        let unproved = try await hand.count(
            "pg_constraint WHERE NOT convalidated AND conname LIKE 'sound\\_%' AND connamespace = current_schema()::regnamespace")
        #expect(unproved == 3, "the rules that nothing breaks are proved")
        // They hold for what is written from now on.
        let capacities = ["\"many\"", "0.5", "0", "[1]", "{}", "3e9"].map {
            "[{\"resource\": \"r\", \"mode\": \"counted\", \"capacity\": \($0)}]"
        }
        let wanted =
            ["{}", "\"x\"", "null", "[1]", "[[]]", "[{\"resource\": \"r\"}]", "[{\"resource\": 1, \"mode\": \"shared\"}]"] + capacities
        try await hand.execute("UPDATE steps SET wants = '[{\"resource\": \"r\", \"mode\": \"counted\", \"capacity\": 2}]' WHERE id = 'a'")
        for statement in wanted.map({ "UPDATE steps SET wants = '\($0)' WHERE id = 'a'" }) + [
            "UPDATE jobs SET deadline = '-infinity'", "UPDATE steps SET missed = '[[]]' WHERE id = 'a'",
            "UPDATE steps SET members = '[[\"a\"]]' WHERE id = 'a'",
            "INSERT INTO workers VALUES ('x', 'h', 1, '{\"a\": []}', 'alive', now())",
        ] {
            let error = await #expect(throws: PostgreSQLError.self) { try await hand.execute(statement) }
            #expect(error?.sqlState == .checkViolation, "\(statement)")
        }
        await #expect(throws: Explanation.self) { _ = try await other.store.takeUp(wants, by: "ann") }
        try await hand.execute("UPDATE steps SET wants = '[]' WHERE id = 'b'")
        #expect(try await other.store.takeUp(wants, by: "ann"))
        #expect(try await other.claim(worker).map(\.job) == [wants])
    }

    /// A row that history holds is shown as what it is, and holds up nothing.
    @Test func rottenHistoryHidesNothingElse() async throws {
        let hand = try await start()
        let worker = try await hand.register("w")
        let jobs = [try await hand.submit([.work("a")]), try await hand.submit([.work("b")])]
        for step in try await hand.claim(worker) { try await hand.finish(step) }
        #expect(try await hand.store.moveToHistory(endedFor: .seconds(0)) == 2)
        for change in [
            "run = '[]'", "run = '{}'", "run = \(RottenRow.deep)", "run = jsonb_set(run, '{job,version}', '9223372036854775807')",
            "run = jsonb_set(run, '{job,createdAt}', '-9223372036854775808')", "attempts = '{}'", "parameters = '7'",
            "created_at = 'infinity', ended_at = '-infinity'",
        ] {
            try await hand.execute("UPDATE history SET \(change) WHERE id = '\(jobs[0])'")
            let other = try await hand.another()
            let listed = try await other.store.jobs()
            #expect(Set(listed.map(\.id)) == Set(jobs), "\(change)")
            #expect(listed.allSatisfy { $0.took.map { $0 < .hours(1) } ?? true })
            #expect(try await other.store.job(jobs[1]) != nil)
            #expect(try await other.store.summary(jobs[0])?.id == jobs[0])
            if change.hasPrefix("run") {
                await #expect(throws: (any Error).self) { _ = try await other.store.apply(.retryJob(by: "ann"), to: jobs[0]) }
            }
            #expect(try await other.store.pruneHistory(olderThan: .days(1), keeping: 10) == 0)
            try await hand.execute(
                "UPDATE history h SET run = o.run, attempts = o.attempts, parameters = o.parameters, created_at = o.created_at, ended_at = o.ended_at FROM history o WHERE h.id = '\(jobs[0])' AND o.id = '\(jobs[1])'"
            )
        }
    }
}
