import FlowModel
import Basics
import Foundation
import PostgreSQL
import Repository
import Rigs
import StepKit
import Testing

@testable import Steps

/// Dumps of a server whose owners and users mean harm to the one that they are restored to.
@Suite(.serialized) struct HostileDumpTests {
    /// A table whose constraint calls a function of its owner's, as whoever fills it.
    private static let trap = """
        CREATE ROLE mallory LOGIN; GRANT CREATE ON SCHEMA public TO mallory; SET ROLE mallory;
        CREATE FUNCTION public.trap(n int) RETURNS bool LANGUAGE plpgsql AS $$
        BEGIN
            IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND pg_trigger_depth() = 0 AND n = 2 THEN
                ALTER ROLE mallory SUPERUSER;
            END IF;
            RETURN true;
        END $$;
        CREATE TABLE public.trapped (n int CHECK (public.trap(n)));
        INSERT INTO public.trapped VALUES (1), (2)
        """

    @Test func whatIsInADumpDoesNotRunAsASuperuserUnasked() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute(Self.trap, database: "orders")
        try await bench.server.execute("CREATE ROLE keeper LOGIN CREATEDB PASSWORD 'least privilege'")
        try bench.declare("orders", ["database": "orders"])
        try await bench.stage.run("copy", id: "copy-orders", .systems(["orders"]), ["to": "vault"])
        func mallory() async throws -> String? {
            try await bench.server.value("SELECT rolsuper::text AS value FROM pg_roles WHERE rolname = 'mallory'")
        }
        func restore(_ name: String, _ settings: [String: JSONValue]) async throws {
            try bench.stage.declare(system: name, "postgresql", settings)
            try await bench.stage.run(
                "restore", id: StepID("restore-\(name)"), .snapshot("latest"), ["from": "vault", "to": .string(name)])
        }
        func count(_ database: String) async throws -> String? {
            try await bench.server.value(
                "SELECT count(*) || pg_get_userbyid((SELECT relowner FROM pg_class WHERE relname = 'trapped')) AS value FROM trapped",
                database: database)
        }
        let place: [String: JSONValue] = ["host": .string(bench.server.socketFolder), "database": "one"]
        for powers in ["SUPERUSER", "NOSUPERUSER CREATEROLE"] {
            try await bench.server.execute(
                "DROP ROLE IF EXISTS powerful; CREATE ROLE powerful LOGIN CREATEDB PASSWORD 'least privilege' \(powers)")
            let error = await #expect(throws: StepError.self) {
                try await restore("refused", bench.settings(["user": "powerful", "database": "one"]))
            }
            #expect(error?.code == "dump-is-code" && error?.advice.contains("trustDumps") == true)
            #expect(error?.found.contains(powers.split(separator: " ").last ?? "?") == true)
        }
        #expect(try await bench.server.value("SELECT count(*)::text AS value FROM pg_database WHERE datname = 'one'") == "0")

        try await restore("ordinary", bench.settings(["user": "keeper", "database": "two", "ownership": "user"]))
        #expect(try await mallory() == "false")
        #expect(try await count("two") == "2keeper")
        #expect(
            try await bench.server.value("SELECT datcollate AS value FROM pg_database WHERE datname = 'two'")
                == bench.server.value("SELECT datcollate AS value FROM pg_database WHERE datname = 'orders'"))
        // It is what the word says.
        try await restore("trusted", place.merging(["trustDumps": true]) { $1 })
        #expect(try await count("one") == "2mallory")
        #expect(try await mallory() == "true")
    }

    @Test func namesInADumpAreNames() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let name = "d'b \"q\\c postgres\n\\! touch /tmp/snappy-flow-names-witness\n"
        let quoted = "\"\(name.replacing("\"", with: "\"\""))\""
        let apart = bench.server.folder + "/apart"
        try FileManager.default.createDirectory(atPath: apart, withIntermediateDirectories: true)
        if let user = try ServerUser.current() { chown(apart, user.userID, user.groupID) }
        try await bench.server.execute("CREATE TABLESPACE \"t \"\"1\" LOCATION '\(apart)'")
        try await bench.server.execute("CREATE DATABASE \(quoted) TABLESPACE \"t \"\"1\"")
        try await bench.server.execute("COMMENT ON DATABASE \(quoted) IS E'x\\n\\\\! touch /tmp/snappy-flow-names-witness\\n'")
        try await bench.server.execute(
            "CREATE TABLE \(quoted) (n int); COMMENT ON TABLE \(quoted) IS E'x\\n\\\\! touch /tmp/snappy-flow-names-witness\\n'; "
                + "INSERT INTO \(quoted) VALUES (7)", database: name)
        try bench.declare("odd", ["excludeDatabases": ["orders", "postgres"]])
        try await bench.stage.run("copy", id: "copy-odd", .systems(["odd"]), ["to": "vault"])
        let query: JSONValue = ["database": .string(name), "sql": .string("SELECT n FROM \(quoted)"), "expect": 7]
        let trial: [String: JSONValue] = ["checks": [["queries": [query]]]]
        let verified = try await bench.stage.run("verify", id: "verify", .step("copy-odd"), ["restore": .object(trial)])
        #expect(verified.failure == nil, "\(String(describing: verified.failure))")

        try await bench.server.execute("DROP DATABASE \(quoted)")
        try bench.stage.declare(system: "back", "postgresql", ["host": .string(bench.server.socketFolder), "trustDumps": true])
        try await bench.stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "back"])
        #expect(try await bench.server.value("SELECT n::text AS value FROM \(quoted)", database: name) == "7")
        #expect(
            try await bench.server.value(
                "SELECT (shobj_description(oid, 'pg_database') LIKE E'x\\n%')::text AS value FROM pg_database WHERE datname LIKE 'd''b%'")
                == "true")
        #expect(!FileManager.default.fileExists(atPath: "/tmp/snappy-flow-names-witness"))
    }

    @Test func aDumpUnderAnothersNameIsRefused() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute("CREATE DATABASE empty")
        // A server that answers about `orders` when it is asked about `empty`.
        let script = "#!/bin/sh\ntest \"$PGDATABASE\" = empty && PGDATABASE=orders\nexec '\(bench.server.programs)/pg_dump' \"$@\"\n"
        try bench.stage.write("programs/pg_dump", script)
        chmod(bench.stage.folder.file("programs/pg_dump"), 0o755)
        try bench.declare("one", ["database": "empty", "programs": .string(bench.stage.folder.file("programs"))])
        try await bench.stage.run("copy", id: "copy-one", .systems(["one"]), ["to": "vault"])
        let before = try await bench.server.value("SELECT oid::text AS value FROM pg_database WHERE datname = 'orders'")
        try bench.stage.declare(system: "back", "postgresql", ["host": .string(bench.server.socketFolder), "trustDumps": true])
        let error = await #expect(throws: StepError.self) {
            try await bench.stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "back", "overwrite": true])
        }
        #expect(error?.code == "other-database" && error?.found.contains("orders") == true)
        #expect(try await bench.server.value("SELECT oid::text AS value FROM pg_database WHERE datname = 'orders'") == before)
    }
}
