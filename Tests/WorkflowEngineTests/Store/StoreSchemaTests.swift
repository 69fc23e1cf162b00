import Basics
import PostgreSQL
import Rigs
import Testing

@testable import WorkflowEngine

@Suite struct StoreSchemaTests {
    private func tables(_ connection: Connection) async throws -> [String] {
        try await connection.query(
            """
            SELECT table_name || '.' || column_name || ' ' || data_type AS c FROM information_schema.columns
            WHERE table_schema = current_schema() AND table_name <> 'schema_migrations' ORDER BY 1
            """
        ).map { try $0.get("c") }
    }

    @Test func upDownUpGivesTheSameSchema() async throws {
        let rig = try await PostgreSQLRig.start()
        let connection = try await Connection.connect(rig.settings)
        let migrator = Migrator()
        #expect(try await migrator.version(connection) == 0)
        try await migrator.migrate(connection)
        #expect(try await migrator.version(connection) == migrator.latest)
        let first = try await tables(connection)
        #expect(first.count > 100)
        try await migrator.move(connection, to: 0)
        #expect(try await tables(connection) == [])
        let left = try await connection.query(
            "SELECT (SELECT count(*) FROM pg_proc WHERE pronamespace = current_schema()::regnamespace) + (SELECT count(*) FROM pg_class WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace) AS n"
        )
        #expect(try left.first?.get("n", as: Int.self) == 0)
        try await migrator.migrate(connection)
        #expect(try await tables(connection) == first)
    }

    @Test func manyProcessesMayStartAtOnce() async throws {
        let rig = try await PostgreSQLRig.start()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { _ = try await EngineStore.open(rig.settings) } }
            try await group.waitForAll()
        }
        let connection = try await Connection.connect(rig.settings)
        #expect(try await connection.query("SELECT * FROM schema_migrations").count == Migrator().latest)
    }

    @Test func aCurrentSchemaIsNotLocked() async throws {
        let rig = try await PostgreSQLRig.start()
        _ = try await EngineStore.open(rig.settings)
        let holder = try await Connection.connect(rig.settings)
        try await holder.execute(
            script: "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('snappy-flow migrations in ' || current_schema(), 0))")
        _ = try await EngineStore.open(rig.settings)
        try await holder.execute(script: "ROLLBACK")
    }

    @Test func anOlderBinaryRefusesANewerSchema() async throws {
        let rig = try await PostgreSQLRig.start()
        _ = try await EngineStore.open(rig.settings)
        let connection = try await Connection.connect(rig.settings)
        try await connection.execute(script: "INSERT INTO schema_migrations (version, name) VALUES (99, 'future')")
        let error = await #expect(throws: Explanation.self) { _ = try await EngineStore.open(rig.settings) }
        #expect(error?.code == "schema-too-new")
        #expect(error?.advice.isEmpty == false)
        await #expect(throws: Explanation.self) { try await Migrator().move(connection, to: 0) }
    }

    @Test func aFailingMigrationLeavesTheVersionBefore() async throws {
        let rig = try await PostgreSQLRig.start()
        let connection = try await Connection.connect(rig.settings)
        let migrator = Migrator(texts: [
            "0001_good.up": "CREATE TABLE good (a integer)", "0001_good.down": "DROP TABLE good",
            "0002_bad.up": "CREATE TABLE half (a integer); SELECT nonsense", "0002_bad.down": "DROP TABLE half",
        ])
        await #expect(throws: PostgreSQLError.self) { try await migrator.migrate(connection) }
        #expect(try await migrator.version(connection) == 1)
        #expect(try await tables(connection) == ["good.a integer"])
    }

    @Test(arguments: [
        ("UPDATE steps SET worker = 'w' WHERE id = 'a'", "running_has_worker"),
        ("UPDATE steps SET state = 'running', worker = 'w' WHERE id = 'a'", "running_has_token"),
        ("UPDATE steps SET state = 'succeeded' WHERE id = 'a'", "ended_has_time"),
        ("UPDATE steps SET state = 'skipped', ended_at = now() WHERE id = 'a'", "skipped_has_reason"),
        ("UPDATE steps SET stop = 'cancelled' WHERE id = 'a'", "stop_while_running"),
        ("UPDATE steps SET rank = NULL WHERE id = 'a'", "ready_has_rank"),
        ("UPDATE jobs SET ended_at = now()", "ended_has_outcome"),
        ("UPDATE jobs SET ended_at = now(), outcome = 'failed', cleanup = 'failed'", "ended_owes_nothing"),
        ("UPDATE jobs SET outcome = 'wonderful'", "jobs_outcome_check"),
        ("UPDATE steps SET state = 'sleeping'", "steps_state_check"),
        ("INSERT INTO attempts SELECT job, id, 1, 1, 'w', now(), now(), 'running', NULL FROM steps WHERE id = 'a'", "closed_has_time"),
        (
            "INSERT INTO attempts SELECT job, id, n, n, 'w', now(), NULL, 'running', NULL FROM steps, generate_series(1, 2) n WHERE id = 'a'",
            "attempts_one_running"
        ),
        (
            "INSERT INTO compensations (job, step, generation, position, armed_at, state, owes_own, early) SELECT job, id, n, n, now(), '{}', true, false FROM steps, generate_series(1, 2) n WHERE id = 'a'",
            "compensations_one_armed"
        ),
        (
            "INSERT INTO steps SELECT (s).* FROM (SELECT s FROM steps s) x UNION ALL SELECT (s).* FROM (SELECT s FROM steps s) x",
            "steps_pkey"
        ),
        ("INSERT INTO checkpoints VALUES (gen_random_uuid(), 'a', 1, '{}', now())", "checkpoints_job_step_fkey"),
        ("DELETE FROM plans", "jobs_tenant_plan_fkey"),
    ])
    func constraintsRefuseIllegalRows(statement: String, constraint: String) async throws {
        let hand = try await StoreHand.start()
        _ = try await hand.submit([.work("a")])
        let error = await #expect(throws: PostgreSQLError.self) { try await hand.execute(statement) }
        #expect(error?.constraint == constraint)
    }

    @Test func whatIsOwedKeepsItsJob() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit([.work("acquire", undoneBy: "undo"), .undo("undo", of: "acquire", after: ["acquire"])])
        _ = try await hand.claim(worker)
        #expect(try await hand.store.armed().map(\.job) == [job])
        let error = await #expect(throws: PostgreSQLError.self) { try await hand.execute("DELETE FROM jobs") }
        #expect(error?.constraint == "compensations_job_step_fkey")
    }
}
