import FlowModel
import Basics
import Foundation
import PostgreSQL
import Repository
import Rigs
import StepKit
import Testing

@testable import Steps

/// `verify` with `restore` of one database's dump, whatever its server had beside it.
@Suite(.serialized) struct ScratchDumpTests {
    private func verify(
        _ bench: PostgreSQLBench, _ database: String, _ sql: String, expect: JSONValue, more: [String: JSONValue] = [:],
        check: [String: JSONValue] = [:], name: String? = nil
    ) async throws -> StepResult {
        let name = name ?? database
        try bench.declare(name, more.merging(["database": .string(database)]) { $1 })
        try await bench.stage.run("copy", id: StepID("copy-\(name)"), .systems([name]), ["to": "vault"])
        let query: JSONValue = ["database": .string(database), "sql": .string(sql), "expect": expect]
        let whole = check.merging(["queries": [query]]) { $1 }
        return try await bench.stage.run(
            "verify", id: StepID("verify-\(name)"), .step(StepID("copy-\(name)")), ["restore": ["checks": [.object(whole)]]])
    }

    @Test func rolesTablespacesAndSettingsOfTheServerAreNotMissed() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.withTablespace()
        let server = bench.server
        // The first example of the documentation, with roles of its own.
        try await server.execute(
            """
            CREATE ROLE shop; CREATE ROLE "a reader" LOGIN; GRANT SELECT ON orders TO "a reader"; CREATE SCHEMA goods AUTHORIZATION shop;
            ALTER TABLE orders OWNER TO shop; ALTER DEFAULT PRIVILEGES FOR ROLE shop GRANT SELECT ON TABLES TO "a reader";
            CREATE EXTENSION hstore SCHEMA goods; CREATE TABLE goods.things (tags goods.hstore); ALTER TABLE goods.things OWNER TO shop;
            INSERT INTO goods.things VALUES ('a=>1');
            COMMENT ON EXTENSION hstore IS 'ours'; ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
            CREATE POLICY visible ON orders FOR SELECT TO "a reader", shop USING (id > 0);
            CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end';
            CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION noted(); COMMENT ON EVENT TRIGGER watch IS 'x';
            CREATE PUBLICATION everything FOR ALL TABLES; ALTER ROLE backup BYPASSRLS;
            """, database: "orders")
        let shop = try await verify(
            bench, "orders",
            "SELECT count(*) + (SELECT count(*) FROM goods.things WHERE tags OPERATOR(goods.?) 'a') + (SELECT count(*) FROM apart) FROM orders",
            expect: 5101, check: ["amcheck": true])
        #expect(shop.failure == nil, "\(String(describing: shop.failure))")
        #expect(bench.stage.recorder.lines.contains { $0.contains("event trigger \"watch\"") && $0.contains("publication \"everything\"") })

        // A database of a tablespace, that takes no writes, from a role that has hostile settings.
        try await server.execute("CREATE DATABASE still TABLESPACE apart OWNER shop")
        try await server.execute("CREATE TABLE public.t AS SELECT 1 AS n", database: "still")
        for setting in ["default_transaction_read_only = on", "search_path = pg_temp", "statement_timeout = 1", "role = shop"] {
            try await server.execute("ALTER DATABASE still SET \(setting)")
        }
        try await server.execute("ALTER ROLE postgres IN DATABASE still SET default_transaction_read_only = on")
        try await server.execute("ALTER DATABASE still RESET statement_timeout; ALTER DATABASE still RESET role")
        let still = try await verify(bench, "still", "SELECT n + length(pg_sleep(0.01)::text) FROM public.t", expect: 1)
        #expect(still.failure == nil, "\(String(describing: still.failure))")

        // Names that are not UTF-8 in the dump.
        try await server.execute("CREATE ROLE \"ö\"")
        try await server.execute("CREATE DATABASE \"é\"")
        try await server.execute(
            "CREATE TABLE \"ü\" AS SELECT 'ß' AS t; ALTER TABLE \"ü\" ENABLE ROW LEVEL SECURITY; "
                + "CREATE POLICY visible ON \"ü\" TO \"ö\" USING (true)", database: "é")
        try bench.stage.write("programs/pg_dump", "#!/bin/sh\nexec '\(server.programs)/pg_dump' --encoding=LATIN1 \"$@\"\n")
        chmod(bench.stage.folder.file("programs/pg_dump"), 0o755)
        let latin = try await verify(
            bench, "é", "SELECT t FROM \"ü\"", expect: "ß", more: ["programs": .string(bench.stage.folder.file("programs"))], name: "latin")
        #expect(latin.failure == nil, "\(String(describing: latin.failure))")
    }

    @Test func whatIsInADumpReachesNothingOfTheHost() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let witness = bench.server.folder + "/witness"
        // It tries with whatever rights it runs, as it is restored and as it is asked.
        try await bench.server.execute("CREATE DATABASE trap")
        try await bench.server.execute(
            """
            CREATE FUNCTION public.trap(n int) RETURNS bool LANGUAGE plpgsql AS $f$
            BEGIN
                BEGIN
                    EXECUTE $$COPY (SELECT 1) TO PROGRAM 'touch \(witness)'$$;
                EXCEPTION WHEN insufficient_privilege THEN NULL;
                END;
                RETURN true;
            END $f$;
            CREATE TABLE public.t (n int); INSERT INTO public.t VALUES (1); ALTER TABLE public.t ADD CHECK (public.trap(n)) NOT VALID;
            CREATE VIEW public.v AS SELECT public.trap(1) AS value;
            """, database: "trap")
        try? FileManager.default.removeItem(atPath: witness)
        let trapped = try await verify(bench, "trap", "SELECT value FROM public.v", expect: "t")
        #expect(trapped.failure == nil, "\(String(describing: trapped.failure))")
        #expect(!FileManager.default.fileExists(atPath: witness))

        // What only a superuser makes needs a word.
        try await bench.server.execute("CREATE DATABASE native")
        try await bench.server.execute(
            "CREATE FUNCTION public.ours(cstring) RETURNS cstring LANGUAGE internal STRICT AS 'cstring_in'", database: "native")
        let refused = try await verify(bench, "native", "SELECT 1", expect: 1)
        #expect(refused.failure?.kind == .verification && refused.failure?.found.contains("permission denied") == true)
        #expect(refused.failure?.advice.contains("trustDumps") == true)
        // Who is trusted still finds no network, and no server of this host.
        let alone = """
            SELECT (SELECT count(*) FROM regexp_split_to_table(pg_read_file('/proc/self/net/route', 0, 10000), E'\n') AS line WHERE line !~ '^(Iface|$)')
                 + (SELECT count(*) FROM pg_ls_dir('/run/postgresql', true, false))
            """
        let trusted = try await verify(bench, "native", alone, expect: 0, more: ["trustDumps": true])
        #expect(trusted.failure == nil, "\(String(describing: trusted.failure))")
    }

    /// What all databases share is kept in bytes, whatever the encoding of the database that speaks of it.
    @Test func namesOfRolesAreThoseOfTheServer() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute("CREATE ROLE \"rôle\"; ALTER ROLE backup BYPASSRLS")
        try await bench.server.execute("CREATE DATABASE \"lätin\" TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
        try await bench.server.execute("COMMENT ON DATABASE \"lätin\" IS 'größer'; GRANT TEMPORARY ON DATABASE \"lätin\" TO \"rôle\"")
        // As a session of UTF-8 that made the role; the bytes mean something else to one of this database.
        try await bench.server.execute(
            """
            DO $$ DECLARE name text := (SELECT rolname FROM pg_roles WHERE rolname LIKE 'r%le');
            BEGIN
                CREATE TABLE public.t AS SELECT 'ß' AS t;
                EXECUTE format('ALTER TABLE public.t OWNER TO %I', name);
                ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
                EXECUTE format('CREATE POLICY visible ON public.t TO %I USING (true)', name);
            END $$
            """, database: "lätin")
        let tried = try await verify(bench, "lätin", "SELECT t FROM public.t", expect: "ß", name: "latin")
        #expect(tried.failure == nil, "\(String(describing: tried.failure))")
        let state = """
            SELECT pg_get_userbyid(relowner) || shobj_description(d.oid, 'pg_database') || d.datacl::text || (SELECT polroles::regrole[]::text FROM pg_policy)
                AS value FROM pg_class, pg_database d WHERE relname = 't' AND d.datname = current_database()
            """
        let before = try await bench.server.value(state, database: "lätin")
        try await bench.server.execute("DROP DATABASE \"lätin\"")
        try bench.stage.declare(system: "back", "postgresql", ["host": .string(bench.server.socketFolder), "trustDumps": true])
        try await bench.stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "back"])
        #expect(try await bench.server.value(state, database: "lätin") == before)
    }

    @Test func settingsOfACopiedClusterDoNotStandInTheWay() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute("CREATE ROLE other; GRANT other TO backup")
        for setting in [
            "default_transaction_read_only = on", "statement_timeout = '1ms'", "lock_timeout = '1ms'", "idle_session_timeout = '1ms'",
            "role = other", "zero_damaged_pages = on", "ignore_checksum_failure = on", "search_path = public",
        ] {
            for role in ["backup", "postgres"] {
                try await bench.server.execute("ALTER ROLE \(role) IN DATABASE orders SET \(setting)")
            }
        }
        try await bench.server.execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
        try bench.declare("db", ["method": "base"])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        func setting(_ sql: String, _ expect: JSONValue) -> JSONValue { ["database": "orders", "sql": .string(sql), "expect": expect] }
        let check: JSONValue = [
            "amcheck": true,
            "queries": [
                setting("SELECT length(pg_sleep(0.05)::text)", 0), setting("SELECT current_user", "backup"),
                setting("SHOW zero_damaged_pages", "off"), setting("SHOW ignore_checksum_failure", "off"),
                setting("SHOW search_path", "public"),
            ],
        ]
        let result = try await bench.stage.run("verify", id: "verify", .step("copy-db"), ["restore": ["checks": [check]]])
        #expect(result.failure == nil, "\(String(describing: result.failure))")
    }
}
