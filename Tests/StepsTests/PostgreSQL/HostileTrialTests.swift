import FlowModel
import Basics
import Foundation
import PostgreSQL
import Repository
import Rigs
import StepKit
import Testing

@testable import Steps

/// Copies whose content waits for a superuser of the scratch server. Where one calls it, it says so by an error, and the trial fails.
@Suite(.serialized) struct HostileTrialTests {
    private static let alarm = """
        CREATE FUNCTION evil.alarm() RETURNS bool LANGUAGE plpgsql AS $f$
        BEGIN
            IF (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user) THEN RAISE EXCEPTION 'called as a superuser'; END IF;
            RETURN true;
        END $f$;
        GRANT EXECUTE ON FUNCTION evil.alarm() TO PUBLIC;
        """

    /// They fit what pg_amcheck calls better than amcheck's own.
    private static let lookalikes = """
        CREATE FUNCTION evil.verify_heapam(
            relation oid, on_error_stop boolean DEFAULT false, check_toast boolean DEFAULT false, skip text DEFAULT 'none',
            startblock bigint DEFAULT NULL, endblock bigint DEFAULT NULL, OUT blkno bigint, OUT offnum int, OUT attnum int, OUT msg text)
        RETURNS SETOF record LANGUAGE plpgsql AS 'BEGIN PERFORM evil.alarm(); RETURN; END';
        CREATE FUNCTION evil.bt_index_check(index oid, heapallindexed boolean DEFAULT false) RETURNS void
        LANGUAGE plpgsql AS 'BEGIN PERFORM evil.alarm(); END';
        """

    private func verify(_ bench: PostgreSQLBench, _ name: String, _ settings: [String: JSONValue]) async throws -> StepResult {
        try bench.stage.declare(
            system: name, "postgresql", settings.merging(["host": .string(bench.server.socketFolder)]) { own, _ in own })
        try await bench.stage.run("copy", id: StepID("copy-\(name)"), .systems([name]), ["to": "vault"])
        return try await bench.stage.run(
            "verify", id: StepID("verify-\(name)"), .step(StepID("copy-\(name)")), ["restore": ["checks": [["amcheck": true]]]])
    }

    @Test func aDumpsFunctionsDoNotStandInForAmchecks() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute(
            "CREATE SCHEMA evil; CREATE EXTENSION amcheck SCHEMA evil; " + Self.alarm + Self.lookalikes, database: "orders")
        let result = try await verify(bench, "orders", ["database": "orders"])
        #expect(result.failure == nil, "\(String(describing: result.failure))")
    }

    /// Of a copied cluster an ordinary role asks for no more than to make functions somewhere.
    @Test func anOrdinaryRolesFunctionsDoNotStandInForAmchecks() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute(
            """
            CREATE ROLE lowly; CREATE SCHEMA evil; GRANT CREATE, USAGE ON SCHEMA evil TO lowly; CREATE EXTENSION amcheck SCHEMA evil;
            SET ROLE lowly; \(Self.alarm) \(Self.lookalikes)
            """, database: "orders")
        let result = try await verify(bench, "db", ["method": "base"])
        #expect(result.failure == nil, "\(String(describing: result.failure))")
    }

    /// Its code is the owner of the new databases, and so says what their sessions begin with.
    @Test func aDumpsSettingsDoNotLeadASuperuserAstray() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute(
            """
            CREATE SCHEMA evil; \(Self.alarm)
            CREATE VIEW evil.pg_roles AS SELECT r.* FROM pg_catalog.pg_roles r WHERE evil.alarm();
            CREATE FUNCTION evil.chk(int) RETURNS boolean LANGUAGE plpgsql AS $f$
            BEGIN
                IF current_user = 'snappy_flow' THEN EXECUTE 'ALTER DATABASE postgres SET search_path = evil, pg_catalog'; END IF;
                RETURN true;
            END $f$;
            CREATE TABLE public.bait (a int CHECK (evil.chk(a)));
            INSERT INTO public.bait VALUES (1);
            GRANT USAGE ON SCHEMA evil TO PUBLIC;
            """)
        let result = try await verify(bench, "db", [:])
        #expect(result.failure == nil, "\(String(describing: result.failure))")
    }

    @Test func anInPlaceTablespaceIsTried() async throws {
        let bench = try await PostgreSQLBench(configuration: ["allow_in_place_tablespaces = on"])
        defer { bench.server.stop() }
        try await bench.server.execute("CREATE TABLESPACE inplace LOCATION ''")
        try await bench.server.execute("CREATE TABLE here TABLESPACE inplace AS SELECT 1 AS n", database: "orders")
        let result = try await verify(bench, "db", ["method": "base"])
        #expect(result.failure == nil, "\(String(describing: result.failure))")
    }

    /// What the copied server reads as zeros is not in the copy, whoever copies it.
    @Test func damageThatTheServerPassesOverIsNotCopied() async throws {
        let bench = try await PostgreSQLBench(configuration: ["autovacuum = off"])
        defer { bench.server.stop() }
        let page = try #require(try await bench.server.value("SELECT pg_relation_filepath('orders') AS value", database: "orders"))
        try await Connection.connect(bench.server.settings(database: "orders")).query("VACUUM FREEZE orders")
        try await bench.server.execute("CHECKPOINT")
        try await bench.server.halt()
        try bench.flipBit(in: "\(bench.server.data)/\(page)", at: 2 * 8192 + 5000)
        try await bench.server.resume()
        func copy(_ name: String) async -> (any Error)? {
            do {
                try await bench.stage.run("copy", id: StepID("copy-\(name)"), .systems([name]), ["to": "vault"])
                return nil
            } catch {
                return error
            }
        }
        for setting in ["zero_damaged_pages", "ignore_checksum_failure"] {
            try await bench.server.execute("ALTER DATABASE orders SET \(setting) = on")
            try bench.stage.declare(
                system: "powerful-\(setting)", "postgresql", ["host": .string(bench.server.socketFolder), "database": "orders"])
            let powerful = await copy("powerful-\(setting)")
            #expect((powerful as? StepError)?.found.contains("invalid page") == true, "\(String(describing: powerful))")
            try bench.declare("ordinary-\(setting)", ["database": "orders"])
            let ordinary = await copy("ordinary-\(setting)") as? StepError
            #expect(ordinary?.code == "damage-passed-over", "\(String(describing: ordinary))")
            #expect(ordinary?.found.contains(setting) == true && ordinary?.advice.contains("RESET") == true)
            try await bench.server.execute("ALTER DATABASE orders RESET \(setting)")
        }
        #expect(try await bench.stage.store("vault").snapshots().isEmpty)
    }
}
