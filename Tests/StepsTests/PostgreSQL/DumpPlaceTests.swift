import FlowModel
import Rigs
import StepKit
import Testing

@testable import Steps

/// Where one database's dump goes: to another name, or over what is there.
@Suite struct DumpPlaceTests {
    /// A server whose lock table is as small as it may be.
    private static func bench() async throws -> PostgreSQLBench {
        try await PostgreSQLBench(configuration: ["max_locks_per_transaction = 10", "max_connections = 20"])
    }

    private static func target(_ bench: PostgreSQLBench, _ database: String) -> [String: JSONValue] {
        ["host": .string(bench.server.socketFolder), "database": .string(database), "trustDumps": true]
    }

    @Test func whatADatabaseHadBesideItsContentIsSaid() async throws {
        let bench = try await Self.bench()
        defer { bench.server.stop() }
        for statement in [
            "CREATE DATABASE shop TEMPLATE template0 LOCALE 'C' OWNER backup CONNECTION LIMIT 7",
            "COMMENT ON DATABASE shop IS 'where it is sold'", "REVOKE CONNECT ON DATABASE shop FROM PUBLIC",
            "ALTER DATABASE shop SET work_mem = '8MB'",
        ] { try await bench.server.execute(statement) }
        try bench.declare("shop", ["database": "shop"])
        try await bench.stage.run("copy", id: "copy-shop", .systems(["shop"]), ["to": "vault"])
        try bench.stage.declare(system: "target", "postgresql", Self.target(bench, "shop_copy"))
        try await bench.stage.run("restore", id: "restore-shop", .snapshot("latest"), ["from": "vault", "to": "target"])
        let locale = try await bench.server.value("SELECT datcollate AS value FROM pg_database WHERE datname = 'shop_copy'")
        #expect(locale == "C")
        let said = bench.stage.recorder.lines.filter { $0.hasPrefix("warning") && $0.contains("shop_copy") }
        for what in ["owner \"backup\"", "settings and limits", "privileges", "comment"] {
            #expect(said.contains { $0.contains(what) }, "\(what): \(said)")
        }
    }

    /// Each is a lock until the end of a transaction: a new database is filled without one, and for one that is there it is said what the server lacks.
    @Test func thousandsOfLargeObjects() async throws {
        let bench = try await Self.bench()
        defer { bench.server.stop() }
        let make = "DO $$ BEGIN FOR n IN 1..300 LOOP PERFORM lo_create(0); END LOOP; END $$"
        for _ in 0..<5 { try await bench.server.execute(make, database: "orders") }
        try bench.stage.declare(system: "orders", "postgresql", Self.target(bench, "orders"))
        try await bench.stage.run("copy", id: "copy-orders", .systems(["orders"]), ["to": "vault"])
        try bench.stage.declare(system: "copy", "postgresql", Self.target(bench, "orders_copy"))
        try await bench.stage.run("restore", id: "beside", .snapshot("latest"), ["from": "vault", "to": "copy"])
        let count = "SELECT count(*)::text AS value FROM pg_largeobject_metadata"
        #expect(try await bench.server.value(count, database: "orders_copy") == "1500")
        let error = await #expect(throws: StepError.self) {
            try await bench.stage.run(
                "restore", id: "over", .snapshot("latest"), ["from": "vault", "to": "orders", "overwrite": true])
        }
        #expect(error?.advice.contains("max_locks_per_transaction") == true, "\(String(describing: error))")
        #expect(try await bench.server.value(count, database: "orders") == "1500", "nothing is lost")
    }
}
