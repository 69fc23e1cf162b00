import FlowModel
import Basics
import Foundation
import PostgreSQL
import Repository
import Rigs
import StepKit
import Testing

@testable import Steps

/// Roles and tablespaces of a copy: values, never code.
@Suite(.serialized) struct GlobalsTests {
    private static let odd = "odd \"one\n\\! touch /tmp/snappy-flow-globals-witness\n--"

    /// As whoever administers the copied server might have it.
    private static let roles = """
        CREATE ROLE mallory LOGIN;
        ALTER ROLE mallory SET application_name TO E'x\\nALTER USER mallory SUPERUSER; --';
        ALTER ROLE mallory SET search_path TO "a b", public, E'q''\\n\\\\! x';
        ALTER ROLE mallory SET "shop.motd" TO E'one\\ntwo';
        ALTER ROLE mallory SET session_preload_libraries TO 'auto_explain';
        COMMENT ON ROLE mallory IS E'one\\n\\\\! touch x\\n\\\\q ''";';
        CREATE ROLE "odd ""one
        \\! touch /tmp/snappy-flow-globals-witness
        --" NOINHERIT CREATEDB CONNECTION LIMIT 7 VALID UNTIL '2031-01-01 00:00:00+00';
        GRANT mallory TO "odd ""one
        \\! touch /tmp/snappy-flow-globals-witness
        --" WITH ADMIN OPTION;
        CREATE ROLE chief SUPERUSER REPLICATION;
        GRANT pg_execute_server_program TO mallory;
        GRANT SET ON PARAMETER log_min_duration_statement TO mallory;
        CREATE ROLE keeper; GRANT keeper TO mallory; ALTER ROLE mallory SET role = 'keeper';
        ALTER ROLE chief SET session_authorization = 'keeper';
        """

    /// A role that only looks like one that is there is another, and none of that one's powers or memberships are its.
    @Test func rolesAreTheirBytes() async throws {
        let server = try await PostgreSQLServerRig.start()
        defer { server.stop() }
        try await server.execute("CREATE ROLE \"caf\u{e9}\" SUPERUSER")
        let target = try await GlobalsTarget(try await Connection.connect(server.settings()))
        var globals = Globals()
        for statement in [
            GlobalsStatement.role("cafe\u{301}"), .role("member"), .role("\u{212a}"), .role("K"),
            .membership(Globals.Membership(role: "cafe\u{301}", member: "member")),
        ] {
            let isKnown = globals.add(statement)
            #expect(isKnown)
        }
        let plan = GlobalsPlan(globals, on: target, .unprivileged)
        #expect(plan.roles.map { Array($0.name.utf8) } == ["cafe\u{301}", "member", "\u{212a}", "K"].map { Array($0.utf8) })
        // It is of two roles that are made: no power of the server's own.
        #expect(plan.memberships.count == 1 && plan.withheld == [])
    }

    @Test func rolesComeBackAsValues() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let apart = bench.server.folder + "/a b;--"
        try FileManager.default.createDirectory(atPath: apart, withIntermediateDirectories: true)
        if let user = try ServerUser.current() { chown(apart, user.userID, user.groupID) }
        try await bench.server.execute(Self.roles)
        try await bench.server.execute("CREATE TABLESPACE \"t \"\"1\" OWNER mallory LOCATION '\(apart)' WITH (random_page_cost = 1.5)")
        try await bench.server.execute(
            "GRANT CREATE ON TABLESPACE \"t \"\"1\" TO PUBLIC; COMMENT ON TABLESPACE \"t \"\"1\" IS E'two\\nlines; \\\\q'")
        let before = try await state(of: bench.server)
        #expect(before.contains("ALTER USER mallory SUPERUSER") && before.contains("1.5"))
        try bench.declare("db")
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])

        func restore(_ globals: String) async throws -> StepResult {
            try await bench.server.execute("DROP TABLESPACE \"t \"\"1\"")
            try await bench.server.execute("REVOKE SET ON PARAMETER log_min_duration_statement FROM mallory")
            try await bench.server.execute("DROP ROLE mallory, chief, keeper, \"\(Self.odd.replacing("\"", with: "\"\""))\"")
            try bench.stage.declare(
                system: "back", "postgresql", ["host": .string(bench.server.socketFolder), "globals": .string(globals)])
            return try await bench.stage.run(
                "restore", id: StepID("restore-\(globals)"), .snapshot("latest"),
                ["from": "vault", "to": "back", "paths": [place(bench, "globals.sql")]])
        }
        let careful = try await restore("unprivileged")
        #expect(try await superusers(of: bench.server) == "postgres")
        #expect(careful.outputs["granted"]?.arrayValue == [])
        let withheld = (careful.outputs["withheld"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(
            withheld.sorted() == [
                "REPLICATION of role \"chief\"", "SET on setting \"log_min_duration_statement\" for \"mallory\"",
                "SUPERUSER of role \"chief\"",
                "membership of \"mallory\" in \"pg_execute_server_program\"", "setting \"session_authorization\" of role \"chief\"",
                "setting \"session_preload_libraries\" of role \"mallory\"",
                "setting \"shop.motd\" of role \"mallory\"",
            ])
        for line in withheld { #expect(bench.stage.recorder.lines.contains { $0.hasPrefix("warning") && $0.contains(line) }) }
        let value = try await bench.server.value(
            "SELECT setconfig[1] AS value FROM pg_db_role_setting WHERE setrole = 'mallory'::regrole")
        #expect(value == "application_name=x\nALTER USER mallory SUPERUSER; --")

        let whole = try await restore("privileged")
        #expect(whole.outputs["withheld"]?.arrayValue == [])
        #expect(Set((whole.outputs["granted"]?.arrayValue ?? []).compactMap(\.stringValue)) == Set(withheld))
        #expect(try await state(of: bench.server) == before)
        // What is there stays as it is.
        try await bench.server.execute("ALTER ROLE mallory CREATEDB NOLOGIN; ALTER ROLE mallory RESET ALL")
        try await bench.stage.run(
            "restore", id: "restore-again", .snapshot("latest"), ["from": "vault", "to": "back", "paths": [place(bench, "globals.sql")]])
        #expect(
            try await bench.server.value(
                "SELECT (rolcreatedb AND NOT rolcanlogin AND rolconfig IS NULL)::text AS value FROM pg_roles WHERE rolname = 'mallory'")
                == "true")
        #expect(!FileManager.default.fileExists(atPath: "/tmp/snappy-flow-globals-witness"))
    }

    @Test func rolesAreRestoredOnlyWhenToldTo() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute("CREATE ROLE shop; ALTER TABLE orders OWNER TO shop", database: "orders")
        try bench.declare("db")
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        try await bench.server.execute("REASSIGN OWNED BY shop TO postgres; DROP ROLE shop", database: "orders")
        try await bench.server.execute("DROP DATABASE orders WITH (FORCE)")
        try bench.stage.declare(system: "back", "postgresql", ["host": .string(bench.server.socketFolder), "trustDumps": true])
        let error = await #expect(throws: StepError.self) {
            try await bench.stage.run(
                "restore", id: "restore", .snapshot("latest"),
                ["from": "vault", "to": "back", "paths": [place(bench, "globals.sql"), place(bench, "orders.dump")]])
        }
        #expect(error?.code == "no-such-role" && error?.found.contains("shop") == true && error?.advice.contains("globals") == true)
        #expect(try await bench.server.value("SELECT count(*)::text AS value FROM pg_roles WHERE rolname = 'shop'") == "0")
        #expect(try await bench.server.value("SELECT count(*)::text AS value FROM pg_database WHERE datname = 'orders'") == "0")
        try bench.declare("both", ["database": "orders", "globals": "unprivileged"])
        await #expect(throws: StepError.self) { _ = try await bench.stage.open("both", as: (any Discovering).self) }
    }

    /// Where a file of the copy is in the snapshot.
    private func place(_ bench: PostgreSQLBench, _ file: String) -> JSONValue {
        .string("/postgresql/\(bench.server.socketFolder.replacing("/", with: "_")):5432/\(file)")
    }

    private func superusers(of server: PostgreSQLServerRig) async throws -> String? {
        try await server.value("SELECT string_agg(rolname, ',') AS value FROM pg_roles WHERE rolsuper")
    }

    /// What makes one state of roles and tablespaces differ from another.
    private func state(of server: PostgreSQLServerRig) async throws -> String {
        try await server.value(
            """
            SELECT (SELECT json_agg(r ORDER BY rolname) FROM (
                       SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit,
                              rolvaliduntil, rolconfig, shobj_description(oid, 'pg_authid') FROM pg_roles) AS r)::text
                || (SELECT json_agg(m ORDER BY roleid, member) FROM (
                       SELECT roleid::regrole::text, member::regrole::text, admin_option FROM pg_auth_members) AS m)::text
                || (SELECT json_agg(t ORDER BY spcname) FROM (
                       SELECT spcname, spcowner::regrole, pg_tablespace_location(oid), spcacl, spcoptions, shobj_description(oid, 'pg_tablespace')
                         FROM pg_tablespace) AS t)::text
                || (SELECT json_agg(p) FROM (SELECT parname, paracl FROM pg_parameter_acl) AS p)::text AS value
            """) ?? ""
    }
}
