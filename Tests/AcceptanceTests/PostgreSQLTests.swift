import Foundation
import PostgreSQL
import Rigs
import Testing

/// The shipped PostgreSQL pipelines on a private server, destroyed and brought back.
@Suite struct PostgreSQLTests {
    private struct Stage {
        let rig: FlowRig
        let server: PostgreSQLServerRig

        /// A shipped pipeline with its places moved.
        func place(_ name: String) throws -> String {
            let text = try String(contentsOfFile: "\(FlowRig.packageRoot)/pipelines/\(name).yaml", encoding: .utf8)
                .replacing("/var/run/postgresql", with: server.socketFolder).replacing("/var/lib/postgresql/15/main", with: server.data)
            return try rig.place(try rig.write("shipped/\(name).yaml", text))
        }

        func fingerprint() async throws -> String? {
            try await server.value("SELECT count(*) || md5(string_agg(item, ',' ORDER BY id)) AS value FROM orders", database: "orders")
        }
    }

    private func stage(_ name: String) async throws -> Stage {
        let server = try await PostgreSQLServerRig.start()
        try await server.execute(
            """
            CREATE ROLE backup LOGIN REPLICATION PASSWORD 'secret of the database';
            GRANT pg_read_all_data, pg_read_all_settings TO backup;
            GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean), pg_backup_stop(boolean) TO backup;
            """)
        try await server.execute("CREATE DATABASE orders")
        try await server.execute(
            "CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS item FROM generate_series(1, 20000) n", database: "orders")
        let rig = try FlowRig("postgresql-\(name)")
        // A scratch server's user has to pass.
        for folder in [rig.folder, rig.path("cache")] { chmod(folder, 0o755) }
        try rig.write("etc/snappy-flow/vault.pw", "correct horse battery staple\n")
        try rig.write("etc/snappy-flow/postgresql.pw", "secret of the database\n")
        return Stage(rig: rig, server: server)
    }

    @Test func aClusterIsCopiedProvedAndBroughtBack() async throws {
        let stage = try await stage("base")
        defer {
            stage.rig.close()
            stage.server.stop()
        }
        let document = try stage.place("postgresql")
        let run = try stage.rig.run(["run", document])
        #expect(run.status == 0, "\(run.output)\n\(run.errors)")
        #expect(!(run.output + run.errors).contains("secret of the database"))
        let before = try await stage.fingerprint()
        let restore = try stage.rig.run([
            "restore", "--file", document, "--repository", "vault", "--snapshot", "latest", "--target", stage.rig.path("back"),
        ])
        #expect(restore.status == 0, "\(restore.output)\n\(restore.errors)")
        // The latest is the dumps' copy; into the same server, under another name.
        let again = try stage.rig.write(
            "again.yaml",
            """
            name: again
            systems: {beside: {type: postgresql, host: \(stage.server.socketFolder), database: orders_again}}
            repositories: {vault: {type: local, path: \(stage.rig.path("backup/vault")), password: {fromFile: \(stage.rig.path("etc/snappy-flow/vault.pw"))}}}
            steps:
              - restore: latest
                from: vault
                system: databases
                paths: ["/postgresql/\(stage.server.socketFolder.replacing("/", with: "_")):5432/orders.dump"]
                to: beside
            """)
        let second = try stage.rig.run(["run", again])
        #expect(second.status == 0, "\(second.output)\n\(second.errors)")
        let restored = try await stage.server.value(
            "SELECT count(*) || md5(string_agg(item, ',' ORDER BY id)) AS value FROM orders", database: "orders_again")
        #expect(restored == before)
    }

    @Test func aWindowOverServerAndFilesRestoresToAServerThatStarts() async throws {
        let stage = try await stage("window")
        defer {
            stage.rig.close()
            stage.server.stop()
        }
        let document = try stage.place("postgresql-window")
        let plan = try stage.rig.run(["plan", document])
        #expect(plan.output.contains("thaw-server"), "\(plan.output)")
        let run = try stage.rig.run(["run", document])
        #expect(run.status == 0, "\(run.output)\n\(run.errors)")
        let before = try await stage.fingerprint()
        let target = stage.rig.path("back")
        let restore = try stage.rig.run([
            "restore", "--file", document, "--repository", "vault", "--snapshot", "latest", "--target", target,
        ])
        #expect(restore.status == 0, "\(restore.output)\n\(restore.errors)")
        chmod(target, 0o755)
        let data = target + stage.server.data
        #expect(FileManager.default.fileExists(atPath: data + "/backup_label"))
        let found = try await stage.server.serving(data) { connection in
            try await connection.query("SELECT count(*) || md5(string_agg(item, ',' ORDER BY id)) AS value FROM orders").first?.firstText
        }
        #expect(found == before)
    }
}
