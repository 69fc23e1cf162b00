import Foundation
import Glibc
import PostgreSQL
import Rigs
import Testing

/// The shipped PostgreSQL pipelines on a private server, and what becomes of them when the server, the worker or the data are lost.
@Suite(.ownThread) struct PostgreSQLTests {
    @Test func aClusterIsCopiedProvedLostAndBroughtBack() async throws {
        let stage = try await ServerStage("base")
        defer { stage.close() }
        let document = try stage.place("postgresql")
        let run = try stage.rig.run(["run", document])
        #expect(run.status == 0, "\(run.output)\n\(run.errors)")
        #expect(!(run.output + run.errors).contains("secret of the database"))
        let before = try await stage.fingerprint()

        // The server is gone with its folder.
        let lost = stage.server.data
        stage.server.stop()
        #expect(!FileManager.default.fileExists(atPath: lost))

        // The cluster comes back, on a machine that has a PostgreSQL and nothing else.
        let other = try await PostgreSQLServerRig.start()
        defer { other.stop() }
        let settings = "type: postgresql, host: \(stage.server.socketFolder)"
        let back = try stage.recovery(
            "cluster: {\(settings), method: base, dataFolder: \(stage.rig.path("back/data"))}",
            "- {restore: latest, from: vault, system: cluster, to: cluster}")
        let restored = try stage.rig.run(["run", back])
        #expect(restored.status == 0, "\(restored.output)\n\(restored.errors)")
        chmod(stage.rig.path("back"), 0o755)
        let found = try await other.serving(stage.rig.path("back/data")) { connection in
            try await connection.query(ServerStage.fingerprintQuery).first?.firstText
        }
        #expect(found == before && before != nil)

        // The dumps come back into a server that runs already, every database and role.
        let again = try stage.recovery(
            "databases: {type: postgresql, host: \(other.socketFolder), globals: unprivileged, trustDumps: true}",
            "- {restore: latest, from: vault, system: databases, to: databases}")
        let second = try stage.rig.run(["run", again])
        #expect(second.status == 0, "\(second.output)\n\(second.errors)")
        #expect(try await other.value(ServerStage.fingerprintQuery, database: "orders") == before)
        #expect(try await other.value("SELECT rolname AS value FROM pg_roles WHERE rolname = 'backup'") == "backup")

        // And without any pipeline or database of ours, by the repository alone.
        let restore = [
            "restore", "--file", document, "--repository", "vault", "--snapshot", "latest", "--target", stage.rig.path("files"),
        ]
        let several = try stage.rig.run(restore)
        #expect(several.status == 1 && several.errors.contains("--system databases"), "\(several.output)\n\(several.errors)")
        let folder = try stage.rig.run(restore + ["--system", "databases"])
        #expect(folder.status == 0, "\(folder.output)\n\(folder.errors)")
    }

    /// libpq and PostgreSQL's programs take what an address leaves open from their environment: a document says it all. A secret may go by such a name.
    @Test func theEnvironmentLeadsNoDeclaredServerAstray() async throws {
        let stage = try await ServerStage("environment")
        defer { stage.close() }
        let services = try stage.rig.write("services", "[evil]\nhost=192.0.2.1\nport=1\n")
        let environment = [
            "PGHOSTADDR": "192.0.2.1", "PGSERVICE": "evil", "PGSERVICEFILE": services, "PGTARGETSESSIONATTRS": "standby",
            "PGREQUIREPEER": "nobody", "PGOPTIONS": "-c default_transaction_read_only=on -c statement_timeout=1", "PGTZ": "Asia/Tokyo",
            "PGDATESTYLE": "German", "PGUSER": "nobody", "PGDATABASE": "nowhere", "PGPORT": "1", "PGHOST": "/nowhere",
            "PGSSLMODE": "verify-full",
            "PGPASSFILE": "/nowhere", "PGGSSENCMODE": "require", "PGPASSWORD": "secret of the database",
        ]
        for method in ["dump", "base"] {
            let document = try stage.recovery(
                "db: {type: postgresql, host: \(stage.server.socketFolder), user: backup, password: {fromEnv: PGPASSWORD}, method: \(method)}",
                "- {copy: db, to: vault}")
            let run = try stage.rig.run(["run", document], environment: environment)
            #expect(run.status == 0, "\(run.output)\n\(run.errors)")
        }
    }

    @Test func aWindowOverServerAndFilesIsLostAndBroughtBack() async throws {
        let stage = try await ServerStage("window")
        defer { stage.close() }
        let document = try stage.place("postgresql-window")
        let plan = try stage.rig.run(["plan", document])
        #expect(plan.output.contains("thaw-server"), "\(plan.output)")
        let run = try stage.rig.run(["run", document])
        #expect(run.status == 0, "\(run.output)\n\(run.errors)")
        #expect(run.output.contains("proved: restore"), "\(run.output)")
        // Once more: what is stored goes by the copy before, what the server adds does not.
        try await stage.server.execute("UPDATE orders SET item = md5(item) WHERE id % 100 = 0", database: "orders")
        let again = try stage.rig.run(["run", document])
        #expect(again.status == 0 && again.output.contains("proved: restore"), "\(again.output)\n\(again.errors)")
        // Nothing of the window is left on the server.
        #expect(try await stage.server.value("SELECT count(*)::text AS value FROM pg_replication_slots") == "0")
        let before = try await stage.fingerprint()
        let data = stage.server.data
        stage.server.stop()
        #expect(!FileManager.default.fileExists(atPath: data))

        let target = stage.rig.path("back")
        let restore = try stage.rig.run([
            "restore", "--file", document, "--repository", "vault", "--snapshot", "latest", "--target", target,
        ])
        #expect(restore.status == 0, "\(restore.output)\n\(restore.errors)")
        chmod(target, 0o755)
        let other = try await PostgreSQLServerRig.start()
        defer { other.stop() }
        let found = try await other.serving(target + data) { connection in
            try await connection.query(ServerStage.fingerprintQuery).first?.firstText
        }
        #expect(found == before && before != nil)
    }

    /// The server restarts between the snapshot and the thaw: the session, and the window with it, is lost. Once: it is taken anew. Always: no
    /// copy is made of it.
    @Test(arguments: [1, 9]) func aServerThatRestartsInTheWindowVoidsIt(times: Int) async throws {
        let stage = try await ServerStage("lost-\(times)")
        defer { stage.close() }
        let restart = try stage.rig.write(
            "restart",
            """
            #!/bin/sh
            echo x >>'\(stage.rig.path("windows"))'
            [ "$(wc -l <'\(stage.rig.path("windows"))')" -le \(times) ] || exit 0
            server() { \(try stage.asServer("'\(stage.server.programs)/pg_ctl'")) "$@" -w -s -D '\(stage.server.data)'; }
            server stop -m immediate
            # Children of a killed server may hold its memory for a moment.
            for _ in 1 2 3 4 5 6 7 8 9; do server start -l '\(stage.server.folder)/server.log' && exit 0; sleep 0.2; done
            exit 1
            """)
        chmod(restart, 0o755)
        let document = try stage.recovery(
            """
            server: {type: postgresql, host: \(stage.server.socketFolder), user: backup, password: {fromFile: \(stage.password)}}
              files: {type: directory, path: \(stage.server.data), staging: 1GiB}
            """,
            """
            - {quiesce: server, maxHold: 2m, retry: {attempts: 2, backoff: 100ms}}
              - {exec: {argv: [\(restart)], instant: true}, timeout: 60s}
              - {snapshot: files, retry: {attempts: 2, backoff: 100ms}}
              - {copy: files, to: vault}
            """)
        let run = try stage.rig.run(["run", document])
        let windows = try String(contentsOfFile: stage.rig.path("windows"), encoding: .utf8).split(separator: "\n").count
        let copies = (try? FileManager.default.contentsOfDirectory(atPath: stage.rig.path("backup/vault/snapshots"))) ?? []
        if times == 1 {
            #expect(run.status == 0, "\(run.output)\n\(run.errors)")
            #expect(windows == 2 && copies.count == 1, "\(run.output)")
        } else {
            #expect(run.status == 1, "\(run.output)\n\(run.errors)")
            #expect(run.output.contains("server to rest until the snapshots were taken"), "\(run.output)")
            #expect(windows == 3 && copies.isEmpty, "\(run.output)")
        }
    }

    /// Backup mode dies with the worker that held it: who takes the job over takes the window anew.
    @Test func aWorkerThatDiesInTheWindowLosesIt() async throws {
        let stage = try await ServerStage("died")
        defer { stage.close() }
        let (windows, go) = (stage.rig.path("windows"), stage.rig.path("go"))
        let document = try stage.recovery(
            """
            server: {type: postgresql, host: \(stage.server.socketFolder), user: backup, password: {fromFile: \(stage.password)}}
              files: {type: directory, path: \(stage.server.data), staging: 1GiB}
            """,
            """
            - {quiesce: server, maxHold: 2m}
              - {snapshot: files}
              - {exec: {argv: [sh, -c, "echo x >> \(windows); until [ -e \(go) ]; do sleep 0.05; done"], instant: true}, timeout: 60s}
              - {snapshot: files, id: again}
              - {copy: files, to: vault}
            """)
        let process = try stage.rig.start(["run", document])
        try waitUntil("the window is held open") { FileManager.default.fileExists(atPath: windows) }
        process.send(SIGKILL)
        _ = process.wait()
        try stage.rig.write("go", "")
        let worker = try stage.rig.start(["worker"])
        defer {
            worker.send(SIGTERM)
            _ = worker.wait()
        }
        try waitUntil("the job is done", seconds: 120) {
            try stage.rig.run(["jobs", "list", "--output", "json"]).output.contains("\"succeeded\"")
        }
        #expect(try String(contentsOfFile: windows, encoding: .utf8) == "x\nx\n")
        #expect(
            try await stage.server.value(
                "SELECT count(*)::text AS value FROM pg_stat_activity WHERE application_name LIKE 'snappy-flow sf%'") == "0")
    }

    /// Whatever ends the program, the server on the restored copy does not outlive it.
    @Test func aScratchServerEndsWithItsWorker() async throws {
        let stage = try await ServerStage("killed")
        defer { stage.close() }
        let process = try stage.rig.start(["run", try stage.scratchDocument(asking: "SELECT pg_sleep(600)")])
        func servers() -> [String] { ServerStage.servers(below: stage.rig.path("cache")) }
        try waitUntil("the scratch server is asked") { !servers().isEmpty }
        process.send(SIGKILL)
        _ = process.wait()
        try waitUntil("the scratch server ends") { servers().isEmpty }
    }

    /// A worker that is not root is the scratch server's own user.
    @Test func anOrdinaryUserProvesCopies() async throws {
        let stage = try await ServerStage("ordinary")
        defer { stage.close() }
        let document = try stage.scratchDocument(asking: "SELECT count(*) FROM orders")
        let run = try stage.asNobody(["run", document])
        #expect(run.status == 0, "\(run.output)\n\(run.errors)")
        #expect(run.output.contains("proved: restore"), "\(run.output)")
        _ = try stage.asNobody(["db", "down"])
    }
}
