import FlowModel
import Basics
import Foundation
import PostgreSQL
import Repository
import Rigs
import StepKit
import Testing

@testable import Steps

/// What a database has beside its content: it comes back whatever the database is called, as values, or it is said what did not.
@Suite(.serialized) struct DatabasePropertiesTests {
    private static let name = "d'b \"q\\c $$\n\\! touch /tmp/snappy-flow-properties-witness\n--"
    private static func quoted(_ name: String) -> String { "\"\(name.replacing("\"", with: "\"\""))\"" }
    private static let comment = "E'one\\n\\\\! touch /tmp/snappy-flow-properties-witness\\n\\\\q $$ '';\\n-- é'"

    /// What whoever administers the copied server may have made of a database.
    private static func declare(_ name: String, on server: PostgreSQLServerRig) async throws {
        let database = quoted(name)
        for role in ["shop", "\"re'ader\"", "\"q\"\"x\n\\! id\"", "guest"] { try await server.execute("CREATE ROLE \(role)") }
        let apart = server.folder + "/apart"
        try FileManager.default.createDirectory(atPath: apart, withIntermediateDirectories: true)
        if let user = try ServerUser.current() { chown(apart, user.userID, user.groupID) }
        try await server.execute("CREATE TABLESPACE \"t \"\"1\" LOCATION '\(apart)'")
        try await server.execute(
            "CREATE DATABASE \(database) OWNER shop TABLESPACE \"t \"\"1\" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' CONNECTION LIMIT 7"
        )
        try await server.execute(
            """
            REVOKE CONNECT ON DATABASE \(database) FROM PUBLIC;
            REVOKE CREATE ON DATABASE \(database) FROM shop;
            GRANT CREATE, CONNECT ON DATABASE \(database) TO "re'ader" WITH GRANT OPTION;
            SET ROLE "re'ader"; GRANT CREATE ON DATABASE \(database) TO "q""x\n\\! id"; RESET ROLE;
            ALTER DATABASE \(database) SET search_path = "a b", public, E'q''\\n\\\\! x';
            ALTER DATABASE \(database) SET "shop.motd" = E'one\\n$$two\\\\';
            ALTER DATABASE \(database) SET application_name = E'x''\\nALTER USER guest SUPERUSER; --';
            ALTER DATABASE \(database) SET log_min_duration_statement = 70;
            ALTER DATABASE \(database) SET default_transaction_read_only = on;
            ALTER DATABASE \(database) IS_TEMPLATE true;
            ALTER ROLE guest IN DATABASE \(database) SET "DateStyle" = 'German';
            COMMENT ON DATABASE \(database) IS \(comment);
            """)
        try await server.execute(
            "SET default_transaction_read_only = off; SET TRANSACTION READ WRITE; CREATE TABLE public.t AS SELECT 7 AS n; "
                + "ALTER TABLE public.t OWNER TO shop", database: name)
    }

    /// Everything that makes one database differ from another, but for its name and its content.
    private static func state(of name: String, on server: PostgreSQLServerRig) async throws -> String? {
        let literal = "E'" + name.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
        return try await server.value(
            """
            SELECT row_to_json(found)::text AS value FROM (
                SELECT datdba::regrole, encoding, datlocprovider, daticulocale, datcollate, datctype, datconnlimit, datistemplate, datallowconn, spcname,
                       shobj_description(d.oid, 'pg_database'),
                       (SELECT array_agg(acl::text ORDER BY acl::text) FROM unnest(datacl) AS acl) AS acl,
                       (SELECT json_agg(s ORDER BY setrole) FROM (
                           SELECT setrole::regrole, ARRAY(SELECT unnest(setconfig) ORDER BY 1) FROM pg_db_role_setting WHERE setdatabase = d.oid) AS s) AS settings
                  FROM pg_database AS d JOIN pg_tablespace AS t ON t.oid = dattablespace
                 WHERE datname = \(literal)) AS found
            """)
    }

    private func restore(_ bench: PostgreSQLBench, _ name: String, _ settings: [String: JSONValue], overwrite: Bool = false) async throws
        -> StepResult
    {
        try bench.stage.declare(
            system: name, "postgresql", settings.merging(["host": .string(bench.server.socketFolder)]) { own, _ in own })
        return try await bench.stage.run(
            "restore", id: StepID("restore-\(name)"), .snapshot("latest"),
            ["from": "vault", "to": .string(name), "overwrite": .bool(overwrite)])
    }

    private func withheld(_ result: StepResult) -> [String] { (result.outputs["withheld"]?.arrayValue ?? []).compactMap(\.stringValue) }

    @Test func itComesBackUnderAnyName() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let name = Self.name
        try await Self.declare(name, on: bench.server)
        let before = try #require(try await Self.state(of: name, on: bench.server))
        for part in ["de-DE", "shop.motd", "German", "t \\\"1", "touch /tmp"] { #expect(before.contains(part), "\(before)") }
        try bench.declare("db", ["user": "postgres", "database": .string(name)])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])

        let other = try await restore(bench, "other", ["database": "oth\"er", "trustDumps": true])
        #expect(withheld(other) == [])
        #expect(try await Self.state(of: "oth\"er", on: bench.server) == before)

        // In the place of one that somebody uses, and that was changed.
        let user = try await Connection.connect(bench.server.settings(database: name))
        try await user.execute(script: "SET default_transaction_read_only = off; BEGIN READ WRITE; CREATE TABLE public.new (n int); COMMIT")
        for change in ["CONNECTION LIMIT 3", "RESET ALL"] {
            try await bench.server.execute("ALTER DATABASE \(Self.quoted(name)) \(change)")
        }
        let replaced = try await restore(bench, "same", ["trustDumps": true], overwrite: true)
        #expect(withheld(replaced) == [])
        #expect(try await Self.state(of: name, on: bench.server) == before)
        #expect(
            try await bench.server.value("SELECT string_agg(relname, ',') AS value FROM pg_class WHERE relowner <> 10", database: name)
                == "t")
        #expect(
            try await bench.server.value("SELECT count(*)::text AS value FROM pg_database WHERE datname LIKE 'snappy-flow%'") == "0")
        #expect(try await bench.server.value("SELECT string_agg(rolname, ',') AS value FROM pg_roles WHERE rolsuper") == "postgres")
        #expect(!FileManager.default.fileExists(atPath: "/tmp/snappy-flow-properties-witness"))
    }

    @Test func anOrdinaryUserGetsWhatHeMayHave() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await Self.declare("shop", on: bench.server)
        try await bench.server.execute("CREATE ROLE keeper LOGIN CREATEDB PASSWORD 'least privilege'")
        try bench.declare("db", ["user": "postgres", "database": "shop"])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        let result = try await restore(
            bench, "mine", bench.settings(["user": "keeper", "database": "mine", "ownership": "user"]))
        let found = try #require(try await Self.state(of: "mine", on: bench.server))
        for part in ["keeper", "\"datconnlimit\":7", "\"datistemplate\":true", "touch /tmp", "search_path=", "application_name=", "de-DE"] {
            #expect(found.contains(part), "\(part): \(found)")
        }
        #expect(found.contains("\"acl\":null") && !found.contains("shop"), "\(found)")
        // By name, in the log as in the outputs, and why.
        let left = withheld(result)
        for part in ["\"shop.motd\"", "\"log_min_duration_statement\"", "\"DateStyle\" of role \"guest\"", "tablespace \"t \\\"1\""] {
            #expect(left.contains { $0.hasPrefix("database \"mine\": ") && $0.contains(part) }, "\(part): \(left)")
            #expect(bench.stage.recorder.lines.contains { $0.hasPrefix("warning") && $0.contains("left out") && $0.contains(part) })
        }
        #expect(left.count == 4, "\(left)")
        #expect(
            bench.stage.recorder.lines.contains {
                $0.contains("owner \"shop\"") && $0.contains("privileges") && $0.contains("ownership: user")
            })
    }

    @Test func rolesThatAreMissingAreNamed() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute("CREATE ROLE shop; CREATE ROLE gone")
        try await bench.server.execute("CREATE DATABASE shop OWNER shop")
        try await bench.server.execute(
            "GRANT CREATE ON DATABASE shop TO gone; ALTER ROLE gone IN DATABASE shop SET work_mem = '1MB'; REVOKE CONNECT ON DATABASE shop FROM PUBLIC"
        )
        try bench.declare("db", ["user": "postgres", "database": "shop"])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        try await bench.server.execute("DROP DATABASE shop")
        try await bench.server.execute("DROP ROLE gone")
        let result = try await restore(bench, "one", ["database": "one", "trustDumps": true])
        let left = withheld(result)
        #expect(left.count == 2 && left.allSatisfy { $0.contains("no role \"gone\" here") && $0.contains("make it") }, "\(left)")
        let found = try #require(try await Self.state(of: "one", on: bench.server))
        #expect(found.contains("\"datdba\":\"shop\"") && found.contains("\"=T/shop\""), "\(found)")

        try await bench.server.execute("DROP DATABASE one")
        try await bench.server.execute("DROP ROLE shop")
        let error = await #expect(throws: StepError.self) { _ = try await restore(bench, "two", ["database": "two", "trustDumps": true]) }
        #expect(error?.code == "no-such-role" && error?.found.contains("shop") == true, "\(String(describing: error))")
        #expect(try await bench.server.value("SELECT count(*)::text AS value FROM pg_database WHERE datname = 'two'") == "0")
    }

    @Test func whatIsReplacedStaysUntilTheNewOneIsWhole() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declare("db", ["database": "orders"])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        try await bench.server.execute("DELETE FROM orders WHERE id > 10", database: "orders")
        let before = try await bench.server.value("SELECT oid::text AS value FROM pg_database WHERE datname = 'orders'")
        // It does its work, and says it did not.
        try bench.stage.write("programs/pg_restore", "#!/bin/sh\n'\(bench.server.programs)/pg_restore' \"$@\"\nexit 1\n")
        chmod(bench.stage.folder.file("programs/pg_restore"), 0o755)
        for (index, more) in [[:], ["database": JSONValue.string("orders")]].enumerated() {
            let error = await #expect(throws: StepError.self) {
                let programs: [String: JSONValue] = ["trustDumps": true, "programs": .string(bench.stage.folder.file("programs"))]
                _ = try await restore(bench, "broken\(index)", programs.merging(more) { $1 }, overwrite: true)
            }
            #expect(error?.kind == .commandFailed)
            #expect(try await bench.server.value("SELECT oid::text AS value FROM pg_database WHERE datname = 'orders'") == before)
            #expect(try await bench.server.value("SELECT count(*)::text AS value FROM orders", database: "orders") == "10")
        }
        #expect(try await bench.server.value("SELECT count(*)::text AS value FROM pg_database WHERE NOT datistemplate") == "2")
        // Somebody else's is not touched, and it is said before anything is done.
        try await bench.server.execute("CREATE ROLE keeper LOGIN CREATEDB PASSWORD 'least privilege'")
        let foreign = await #expect(throws: StepError.self) {
            _ = try await restore(
                bench, "foreign", bench.settings(["user": "keeper", "ownership": "user", "database": "orders"]), overwrite: true)
        }
        #expect(foreign?.code == "not-replaceable", "\(String(describing: foreign))")
    }

    /// More than fit into the server's table of locks at once.
    @Test func largeObjectsNeedNoLocksOfTheirOwn() async throws {
        let bench = try await PostgreSQLBench(configuration: ["max_locks_per_transaction = 10", "max_connections = 20"])
        defer { bench.server.stop() }
        let count = Int(ProcessInfo.processInfo.environment["SNAPPY_FLOW_LARGE_OBJECTS"] ?? "") ?? 6000
        try await bench.server.execute("CREATE ROLE shop")
        try await bench.server.execute("CREATE DATABASE pictures OWNER shop")
        for start in stride(from: 1, through: count, by: 500) {
            try await bench.server.execute(
                "SELECT lo_from_bytea(n, convert_to(n::text, 'UTF8')) FROM generate_series(\(start)::int, \(min(start + 499, count))) AS n; "
                    + "DO $$ BEGIN FOR n IN \(start)..\(min(start + 499, count)) LOOP EXECUTE format('ALTER LARGE OBJECT %s OWNER TO shop', n); END LOOP; END $$",
                database: "pictures")
        }
        let fingerprint =
            "SELECT md5(string_agg(loid || encode(data, 'hex'), ',' ORDER BY loid)) || count(DISTINCT (SELECT lomowner FROM pg_largeobject_metadata WHERE oid = loid)) AS value FROM pg_largeobject"
        let before = try await bench.server.value(fingerprint, database: "pictures")
        try bench.declare("db", ["user": "postgres", "database": "pictures"])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        // Nothing but large objects is something, too.
        let refused = await #expect(throws: StepError.self) {
            _ = try await restore(bench, "refused", ["database": "pictures", "trustDumps": true])
        }
        #expect(refused?.code == "exists")
        _ = try await restore(bench, "fresh", ["database": "fresh", "trustDumps": true])
        #expect(try await bench.server.value(fingerprint, database: "fresh") == before)
        for (name, settings) in [
            ("replaced", ["database": JSONValue.string("pictures"), "trustDumps": true]), ("same", ["trustDumps": true]),
        ] {
            try await bench.server.execute("SELECT lo_unlink(1), lo_unlink(2)", database: "pictures")
            _ = try await restore(bench, name, settings, overwrite: true)
            #expect(try await bench.server.value(fingerprint, database: "pictures") == before)
        }
        let verified = try await bench.stage.run("verify", id: "verify", .step("copy-db"), ["restore": ["checks": [["amcheck": true]]]])
        #expect(verified.failure == nil, "\(String(describing: verified.failure))")
    }

    /// What can't be read as text in the dump's encoding is no reason to fail, and said.
    @Test func bytesOfNoEncodingAreSaid() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute("CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C' CONNECTION LIMIT 5")
        try await bench.server.execute(
            "COMMENT ON DATABASE bytes IS E'caf\\351'; ALTER DATABASE bytes SET application_name = 'é'", database: "bytes")
        try bench.declare("db", ["user": "postgres", "database": "bytes"])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        let result = try await restore(bench, "back", ["database": "back", "trustDumps": true])
        #expect(
            withheld(result).count == 1 && withheld(result).first?.contains("comment, which can't be read") == true, "\(withheld(result))")
        let found = try await bench.server.value(
            "SELECT datconnlimit || ',' || setconfig[1] || ',' || pg_encoding_to_char(encoding) AS value FROM pg_database JOIN pg_db_role_setting ON setdatabase = pg_database.oid WHERE datname = 'back'"
        )
        #expect(found?.hasPrefix("5,application_name=") == true && found?.hasSuffix("SQL_ASCII") == true, "\(found ?? "")")
    }
}
