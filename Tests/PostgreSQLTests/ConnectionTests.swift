import Basics
import PostgreSQL
import Rigs
import Testing

@Suite struct ConnectionTests {
    @Test func everyTypeGoesThereAndBack() async throws {
        let rig = try await PostgreSQLRig.start()
        let connection = try await Connection.connect(rig.settings)
        let instants = [1_795_411_529_123_456, 0, -1, -62_135_596_800_000_000, 253_402_300_799_999_999, 951_782_400_000_000].map(
            Instant.init(microseconds:))
        let json: JSONValue = ["a": [1, nil, true, "x\"\\ü", 9_007_199_254_740_993]]
        let texts = ["", "a,b", "{", "\"", "\\", "NULL", "é\n"]
        for instant in instants {
            let rows = try await connection.query(
                """
                SELECT $1::text AS t, $2::bigint AS i, $3::boolean AS b, $4::double precision AS d, $5::jsonb AS j, $6::timestamptz AS at,
                    $7::text[] AS a, $8::text AS n, $9::bytea = '\\x00ff' AS y, $10::uuid AS u, $11::interval = interval '1.5 seconds' AS s
                """,
                [
                    .text("héllo"), .int(Int64.min), true, .double(0.1), .json(json), .instant(instant), .texts(texts), nil,
                    .bytes([0, 255]),
                    "0199C0DE-0000-7000-8000-000000000000", .interval(.milliseconds(1500)),
                ])
            let row = try #require(rows.first)
            #expect(try row.get("t") == "héllo")
            #expect(try row.get("i") == Int64.min)
            #expect(try row.get("b") == true)
            #expect(try row.get("d") == 0.1)
            #expect(try row.get("j") == json)
            #expect(try row.get("at") == instant)
            #expect(try row.get("a") == texts)
            #expect(try row.find("n", as: String.self) == nil)
            #expect(try row.get("y") == true)
            #expect(try row.get("u") == "0199c0de-0000-7000-8000-000000000000")
            #expect(try row.get("s") == true)
        }
    }

    @Test func aWrongColumnIsAnErrorAndNotACrash() async throws {
        let rig = try await PostgreSQLRig.start()
        let connection = try await Connection.connect(rig.settings)
        let row = try #require(try await connection.query("SELECT 'x' AS a, NULL::text AS n, 'infinity'::timestamptz AS i").first)
        #expect(throws: PostgreSQLError.self) { try row.get("b", as: String.self) }
        #expect(throws: PostgreSQLError.self) { try row.get("a", as: Int.self) }
        #expect(throws: PostgreSQLError.self) { try row.get("n", as: String.self) }
        #expect(throws: PostgreSQLError.self) { try row.get("i", as: Instant.self) }
        await #expect(throws: PostgreSQLError.self) { try await connection.query("SELECT $1", ["nul\0here"]) }
    }

    /// Statements are kept by their texts: one that only looks like another names something else.
    @Test func aStatementIsItsBytes() async throws {
        let rig = try await PostgreSQLRig.start()
        let connection = try await Connection.connect(rig.settings)
        for text in ["\u{e9}", "e\u{301}", "K", "\u{212a}"] {
            let found: String? = try await connection.query("SELECT '\(text)' AS found").first?.get("found")
            #expect(found.map { Array($0.utf8) } == Array(text.utf8))
        }
    }

    @Test func aTransactionThatThrowsLeavesNothing() async throws {
        let rig = try await PostgreSQLRig.start()
        let connection = try await Connection.connect(rig.settings)
        try await connection.execute(script: "CREATE TABLE t (a integer PRIMARY KEY)")
        let error = await #expect(throws: PostgreSQLError.self) {
            try await connection.transaction { connection in
                try await connection.query("INSERT INTO t VALUES (1)")
                try await connection.query("INSERT INTO t VALUES (1)")
            }
        }
        #expect(error?.isUniqueViolation == true)
        #expect(error?.constraint == "t_pkey")
        #expect(error?.retry == .lostRace)
        #expect(try await connection.query("SELECT * FROM t").isEmpty)
        #expect(await connection.isUsable)
        try await connection.transaction { try await $0.query("INSERT INTO t VALUES (2)") }
        #expect(try await connection.query("UPDATE t SET a = a").affected == 1)
    }

    @Test func cancellingTheTaskStopsTheStatementOnTheServer() async throws {
        let rig = try await PostgreSQLRig.start()
        let connection = try await Connection.connect(rig.settings)
        let watcher = try await Connection.connect(rig.settings)
        let marker = "/* \(rig.schema) */ SELECT pg_sleep(600)"
        func isRunning() async throws -> Bool {
            try await !watcher.query("SELECT 1 FROM pg_stat_activity WHERE query = $1 AND state = 'active'", [.text(marker)]).isEmpty
        }
        let task = Task { try await connection.query(marker) }
        while try await !isRunning() { await Task.yield() }
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        #expect(try await !isRunning())
        // The connection is as good as before, and the next statement isn't hit.
        #expect(try await connection.query("SELECT 1 AS one").first?.get("one") == 1)
    }

    @Test func aHungServerIsLeftBehind() async throws {
        let rig = try await PostgreSQLRig.start()
        var settings = rig.settings
        settings.answerTimeout = .milliseconds(300)
        let connection = try await Connection.connect(settings)
        let error = await #expect(throws: PostgreSQLError.self) { try await connection.query("SELECT pg_sleep(600)") }
        #expect(error?.isConnectionLost == true)
        #expect(error?.retry == .transient)
        #expect(await !connection.isUsable)
        await #expect(throws: PostgreSQLError.self) { try await connection.query("SELECT 1") }
    }

    @Test func statementTimeoutIsTransient() async throws {
        let rig = try await PostgreSQLRig.start()
        var settings = rig.settings
        settings.statementTimeout = .milliseconds(50)
        let connection = try await Connection.connect(settings)
        let error = await #expect(throws: PostgreSQLError.self) { try await connection.query("SELECT pg_sleep(600)") }
        #expect(error?.sqlState == .queryCanceled)
        #expect(error?.retry == .transient)
        #expect(await connection.isUsable)
    }

    @Test func moreStatementsThanAreKeptPrepared() async throws {
        let rig = try await PostgreSQLRig.start()
        let connection = try await Connection.connect(rig.settings)
        for number in 0..<600 { #expect(try await connection.query("SELECT \(number) AS n").first?.get("n") == number) }
        #expect(try await connection.query("SELECT 599 AS n").first?.get("n") == 599)
        let kept: Int = try #require(try await connection.query("SELECT count(*) AS n FROM pg_prepared_statements").first).get("n")
        #expect(kept <= 256)
    }

    @Test func aStatementWhoseTableChangedIsPreparedAgain() async throws {
        let rig = try await PostgreSQLRig.start()
        let connection = try await Connection.connect(rig.settings)
        try await connection.execute(script: "CREATE TABLE t AS SELECT 1 AS a")
        #expect(try await connection.query("SELECT * FROM t").first?.get("a") == 1)
        try await connection.execute(script: "ALTER TABLE t ADD b text DEFAULT 'x'")
        #expect(try await connection.query("SELECT * FROM t").first?.get("b") == "x")
        try await connection.execute(script: "DEALLOCATE ALL")
        #expect(try await connection.query("SELECT * FROM t").first?.get("a") == 1)
    }
}
