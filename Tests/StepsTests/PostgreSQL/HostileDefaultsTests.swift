import FlowModel
import Basics
import Foundation
import PostgreSQL
import Rigs
import StepKit
import Testing

@testable import Steps

/// Servers whose defaults are against us: configuration, database and role each have settings that suit somebody else's sessions. Ours say what they need.
@Suite struct HostileDefaultsTests {
    /// Sessions that wait or work are ended at once, nothing may be written, and an archive never takes its WAL.
    private static let configuration = [
        "statement_timeout = 1ms", "lock_timeout = 1ms", "idle_session_timeout = 100ms", "idle_in_transaction_session_timeout = 100ms",
        "default_transaction_read_only = on", "default_transaction_isolation = serializable", "row_security = on", "bytea_output = escape",
        "DateStyle = 'German'", "IntervalStyle = sql_standard", "client_encoding = LATIN1", "wal_sender_timeout = 100ms",
        "archive_mode = on", "archive_command = 'false'", "array_nulls = off", "transform_null_equals = on", "xmloption = document",
        "backslash_quote = on", "exit_on_error = on", "quote_all_identifiers = on",
    ]

    private static func bench() async throws -> PostgreSQLBench {
        let bench = try await PostgreSQLBench(configuration: configuration)
        try await bench.server.execute(
            """
            CREATE SCHEMA evil;
            GRANT USAGE ON SCHEMA evil TO PUBLIC;
            CREATE VIEW evil.pg_database AS SELECT * FROM pg_catalog.pg_database WHERE datname <> 'orders';
            GRANT SELECT ON evil.pg_database TO PUBLIC;
            CREATE ROLE nobody NOLOGIN;
            GRANT nobody TO backup;
            ALTER ROLE backup SET search_path = evil, pg_catalog;
            ALTER ROLE backup SET role = 'nobody';
            ALTER ROLE postgres SET search_path = evil, pg_catalog;
            """)
        return bench
    }

    @Test func dumpsAreWholeAndRestored() async throws {
        let bench = try await Self.bench()
        defer { bench.server.stop() }
        try await bench.server.execute("INSERT INTO public.orders VALUES (0, 'Grüße')", database: "orders")
        try bench.declare("db")
        let copied = try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        #expect(copied.missed == [])
        #expect(try await bench.stage.restic("vault").succeed("ls", "latest").contains("/orders.dump"))
        func fingerprint() async throws -> String? {
            try await bench.server.value(
                "SELECT md5(string_agg(item, ',' ORDER BY id)) AS value FROM public.orders", database: "orders")
        }
        let before = try await fingerprint()
        try await bench.server.execute("DROP DATABASE orders")
        try bench.stage.declare(system: "target", "postgresql", ["host": .string(bench.server.socketFolder), "trustDumps": true])
        try await bench.stage.run(
            "restore", id: "restore-orders", .snapshot("latest"), ["from": "vault", "to": "target", "paths": [ordersDump(bench)]])
        #expect(try await fingerprint() == before)
        #expect(
            try await bench.server.value("SELECT item AS value FROM public.orders WHERE id = 0", database: "orders") == "Grüße")
    }

    /// Where one database's dump lies in a copy of the whole server.
    private func ordersDump(_ bench: PostgreSQLBench) -> JSONValue {
        .string("/postgresql/\(bench.server.socketFolder.replacing("/", with: "_")):5432/orders.dump")
    }

    /// What is written one way is read the same way: values, and what statements mean.
    @Test func valuesComeBackAsTheyWere() async throws {
        let bench = try await Self.bench()
        defer { bench.server.stop() }
        try await bench.server.execute(
            """
            SET array_nulls = on; SET transform_null_equals = off; SET xmloption = content; SET IntervalStyle = postgres; SET DateStyle = ISO;
            CREATE TABLE public.odd (a text[], n int[] CHECK ((n[1] = NULL) IS NULL), x xml, i interval, d date, t timestamptz, f float8, b bytea);
            INSERT INTO public.odd VALUES ('{a,NULL,"NULL"}', '{1,NULL}', 'a <b/>', '-1 days +02:03:00', '2020-02-01', '2020-02-01 10:00+05', 0.1, '\\xff00');
            CREATE VIEW public.never AS SELECT n[2] = NULL AS value FROM public.odd;
            """, database: "orders")
        try bench.declare("db", ["database": "orders"])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        func state() async throws -> String? {
            try await bench.server.value(
                "SELECT (SELECT o::text FROM public.odd o) || (SELECT (value IS NULL)::text FROM public.never) "
                    + "|| (SELECT string_agg(pg_get_constraintdef(oid), '') FROM pg_constraint WHERE conrelid = 'public.odd'::regclass) AS value",
                database: "orders")
        }
        let before = try await state()
        let asked: JSONValue = ["database": "orders", "sql": "SELECT a[2] IS NULL AND a[3] = 'NULL' FROM public.odd", "expect": "t"]
        let tried = try await bench.stage.run(
            "verify", id: "verify", .step("copy-db"), ["restore": ["checks": [["queries": [asked]]]]])
        #expect(tried.failure == nil, "\(String(describing: tried.failure))")
        for (round, ownership) in ["kept", "user"].enumerated() {
            try await bench.server.execute("DROP DATABASE orders")
            try bench.stage.declare(
                system: "target-\(round)", "postgresql",
                ["host": .string(bench.server.socketFolder), "trustDumps": true, "ownership": .string(ownership)])
            try await bench.stage.run(
                "restore", id: StepID("restore-\(round)"), .snapshot("latest"), ["from": "vault", "to": .string("target-\(round)")])
            #expect(try await state() == before)
        }
    }

    /// Each of them waits for longer than an idle session may live; an archive that is out of order holds neither up.
    @Test func baseBackupsAndWindowsOutliveTheServersPatience() async throws {
        let bench = try await Self.bench()
        defer { bench.server.stop() }
        try bench.declare("cluster", ["method": "base"])
        #expect(try await bench.stage.run("copy", id: "copy-cluster", .systems(["cluster"]), ["to": "vault"]).missed == [])
        try bench.declareWindow(["files": bench.server.data])
        // The wait is what is tested: the window's sessions have nothing to do meanwhile.
        try await bench.window(["files"]) { try await Task.sleep(for: .milliseconds(400)) }
        #expect(try await bench.copy("files").missed == [])
    }

    /// Bytes of no encoding: nobody can convert them, and nobody is to.
    @Test func aDatabaseOfAnyBytesKeepsThem() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute("CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
        try await bench.server.execute("CREATE TABLE t (x text); INSERT INTO t VALUES (E'caf\\351 \\377')", database: "bytes")
        try bench.declare("bytes", ["database": "bytes"])
        try await bench.stage.run("copy", id: "copy-bytes", .systems(["bytes"]), ["to": "vault"])
        try await bench.server.execute("DROP DATABASE bytes")
        try bench.stage.declare(system: "target", "postgresql", ["host": .string(bench.server.socketFolder), "trustDumps": true])
        try await bench.stage.run("restore", id: "restore-bytes", .snapshot("latest"), ["from": "vault", "to": "target"])
        let found = try await bench.server.value("SELECT encode(x::bytea, 'hex') AS value FROM t", database: "bytes")
        #expect(found == "636166e920ff")
    }
}
