import Basics
import Foundation
import Rigs
import Testing

@testable import PostgreSQL

/// Who gets into a private cluster, and what he may do there.
@Suite struct ClusterRoleTests {
    private static let forbidden = [
        "CREATE ROLE another", "CREATE DATABASE another", "COPY (SELECT 1) TO PROGRAM 'true'", "COPY (SELECT 1) TO '/tmp/x'",
        "SELECT rolpassword FROM pg_authid", "SELECT pg_read_file('/etc/passwd')", "ALTER SYSTEM SET work_mem = '1MB'",
        "SET ROLE snappy_flow_admin", "ALTER ROLE snappy_flow SUPERUSER",
    ]

    private func expectLittle(_ settings: ConnectionSettings) async throws {
        let connection = try await Connection.connect(settings)
        for statement in Self.forbidden {
            let error = await #expect(throws: PostgreSQLError.self, "\(statement)") { try await connection.execute(script: statement) }
            #expect(error?.sqlState?.rawValue == "42501", "\(statement): \(error.map { "\($0)" } ?? "")")
        }
    }

    @Test func theEverydayRoleOwnsTheDatabaseAndNothingElse() async throws {
        let lease = try await EmbeddedCluster.ofTest().acquire()
        try await expectLittle(lease.settings)
        try await Connection.connect(lease.settings).execute(
            script: "CREATE SCHEMA own; CREATE TABLE own.t (n int); CREATE TABLE public.t (n int); DROP SCHEMA own CASCADE")
    }

    /// Whoever runs as the server's user, as every other server of this machine may, is nobody here.
    @Test(arguments: [ClusterRoles.everyday, ClusterRoles.administrator])
    func theServersUserIsRefused(role: String) async throws {
        try requireRoot("a server's user who is another than ours")
        let cluster = try EmbeddedCluster.ofTest()
        let lease = try await cluster.acquire()
        let address = "host=\(cluster.folder.socketFolder) user=\(role) dbname=postgres"
        let error = await #expect(throws: (any Error).self) { try await cluster.asServer("psql -wqXc 'SELECT 1' '\(address)'") }
        #expect(error.map { "\($0)" }?.contains("Peer authentication failed") == true, "\(error.map { "\($0)" } ?? "")")
        // The owner is let in under both names, and under no third.
        #expect(try await HostProgram.run(["psql", "-qXAtc", "SELECT current_user", address]) == role + "\n")
        await #expect(throws: (any Error).self) { try await HostProgram.run(["psql", "-qXAtc", "SELECT 1", address + " user=postgres"]) }
        withExtendedLifetime(lease) {}
    }

    /// Everything that can have an owner.
    private static let objects = """
        CREATE SCHEMA engine;
        CREATE TABLE engine.jobs (id serial PRIMARY KEY, number int GENERATED ALWAYS AS IDENTITY, state text);
        INSERT INTO engine.jobs (state) SELECT 'done' FROM generate_series(1, 100);
        CREATE FUNCTION engine.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE AGGREGATE engine.total (int) (SFUNC = int4pl, STYPE = int);
        CREATE TYPE engine.kind AS ENUM ('a'); CREATE TYPE engine.pair AS (a int, b int); CREATE DOMAIN engine.small AS int;
        CREATE SEQUENCE engine.s; CREATE VIEW engine.v AS SELECT 1 AS one; CREATE MATERIALIZED VIEW engine.m AS SELECT 1 AS one;
        CREATE TABLE "Mixed ""case"" name" (n int) PARTITION BY LIST (n);
        CREATE TABLE part PARTITION OF "Mixed ""case"" name" FOR VALUES IN (1)
        """

    /// Its data, its settings, its mark and its locks survive; who uses it goes on until it is stopped.
    @Test func aClusterOfAnEarlierVersionIsTakenOver() async throws {
        let cluster = try EmbeddedCluster.ofTest("former", isDisposable: false)
        try await cluster.makeFormer(Self.objects)
        let user = try await Connection.connect(cluster.settings)
        let status = try cluster.status()
        #expect(status.isKept && status.processID != nil, "the mark is known, the server is left alone")
        _ = try await cluster.acquire()
        #expect(try await user.query("SELECT count(*) AS n FROM engine.jobs").first?.get("n") == 100)
        #expect(try await cluster.down(force: true))

        let lease = try await cluster.acquire()
        try await expectLittle(lease.settings)
        let connection = try await Connection.connect(lease.settings)
        #expect(try await connection.query("SELECT current_setting('work_mem') AS s").first?.get("s") == "5MB")
        #expect(try await connection.query("SELECT count(*) AS n FROM engine.jobs").first?.get("n") == 100)
        try await connection.execute(
            script: """
                ALTER TABLE engine.jobs ADD note text; INSERT INTO engine.jobs (state) VALUES ('new'); REFRESH MATERIALIZED VIEW engine.m;
                DROP TABLE "Mixed ""case"" name"; DROP SCHEMA engine CASCADE
                """)
        if geteuid() == 0 {
            let address = "host=\(cluster.folder.socketFolder) user=snappy_flow dbname=snappy_flow"
            await #expect(throws: (any Error).self) { try await cluster.asServer("psql -wqXc 'SELECT 1' '\(address)'") }
            #expect(!FileManager.default.fileExists(atPath: cluster.path + "/users.lock"), "locks lie where he can't take them")
        }
        #expect(FileManager.default.fileExists(atPath: cluster.folder.log))
        // Once is enough.
        #expect(try await cluster.down(force: true))
        #expect(try await Connection.connect(try await cluster.acquire().settings).query("SELECT 1 AS one").first?.get("one") == 1)
        withExtendedLifetime(lease) {}
        await cluster.discard()
    }
}
