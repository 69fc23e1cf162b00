import FlowModel
import Basics
import Foundation
import PostgreSQL
import Repository
import Rigs
import StepKit
import Testing

@testable import Steps

/// `verify` with `restore`: a copy is started as a server of its own and asked.
@Suite struct ScratchServerTests {
    private func query(_ sql: String, expect: JSONValue) -> JSONValue { ["database": "orders", "sql": .string(sql), "expect": expect] }

    private func verify(_ bench: PostgreSQLBench, _ check: [String: JSONValue], id: StepID = "verify-copy") async throws -> StepResult {
        try await bench.stage.run(
            "verify", id: id, .step("copy-db"), ["restore": ["checks": [.object(check)]]])
    }

    @Test func aClusterIsStartedAndAsked() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.withTablespace()
        try bench.declare("db", ["method": "base"])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        let good = try await verify(
            bench,
            [
                "amcheck": true,
                "queries": [
                    query("SELECT count(*) FROM orders", expect: 5000), query("SELECT sum(n) FROM apart", expect: "5050"),
                    query("SELECT bool_and(id > 0) FROM orders", expect: "t"),
                ],
            ])
        #expect(good.failure == nil)
        let proof = try #require(good.proofs.first)
        #expect(proof.isGood && proof.level == .restore)
        let facts = proof.details["checks"]?.arrayValue?.first
        #expect(facts?["checksums"]?.stringValue?.hasSuffix("pages are good") == true)
        #expect(facts?["manifest"] != nil && facts?["amcheck"] != nil)
        #expect(!bench.stage.exists("scratch/verify-copy/restored"), "nothing of it stays")

        let bad = try await verify(bench, ["queries": [query("SELECT count(*) FROM orders", expect: 4)]], id: "verify-again")
        #expect(bad.failure?.kind == .verification)
        #expect(bad.failure?.found.contains("5000") == true)
        let broken = try await verify(bench, ["queries": [query("SELECT 1 FROM no_such_table", expect: 1)]], id: "verify-wrong")
        #expect(broken.failure?.found.contains("no_such_table") == true)
    }

    @Test func dumpsAreRestoredAndAsked() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.withTablespace()
        try bench.declare("db")
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        let good = try await verify(bench, ["queries": [query("SELECT count(*) FROM apart", expect: 100)]])
        #expect(good.failure == nil)
        #expect(good.proofs.first?.details["checks"]?.arrayValue?.first?["dumps"] == 3)
    }

    @Test func aScratchServerTouchesNothingOutside() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let witness = bench.server.folder + "/witness"
        // What a production server's own settings file would make every copy do.
        for setting in [
            "archive_mode = 'on'", "archive_command = 'touch \(witness)'", "restore_command = 'touch \(witness); false'",
            "listen_addresses = '127.0.0.1'", "shared_preload_libraries = 'auto_explain'", "port = '5439'",
            "session_preload_libraries = 'auto_explain'",
        ] {
            try await bench.server.execute("ALTER SYSTEM SET \(setting)")
        }
        try bench.declare("db", ["method": "base"])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        func setting(_ name: String, _ expect: JSONValue) -> JSONValue {
            query("SELECT coalesce(current_setting('\(name)', true), '')", expect: expect)
        }
        let result = try await verify(
            bench,
            [
                "queries": [
                    setting("archive_mode", "off"), setting("archive_command", "(disabled)"), setting("restore_command", ""),
                    setting("listen_addresses", ""), setting("shared_preload_libraries", ""), setting("session_preload_libraries", ""),
                    setting("max_wal_senders", "0"), setting("max_logical_replication_workers", "0"),
                    setting("unix_socket_permissions", "0700"), query("SELECT inet_server_addr() IS NULL", expect: "t"),
                    query("SELECT pg_is_in_recovery()", expect: "f"),
                ]
            ])
        #expect(result.failure == nil)
        #expect(!FileManager.default.fileExists(atPath: witness))
    }

    /// Superusers of a copied cluster run what they like, as the scratch server's Unix user: nothing of this host's is that one's.
    @Test func superusersOfACopyOwnNothingOfTheHost() async throws {
        try requireRoot("a user for the server that is nobody's")
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let secret = bench.server.folder + "/secret"
        try "of another server".write(toFile: secret, atomically: true, encoding: .utf8)
        chmod(secret, 0o600)
        if let user = try ServerUser.current() { chown(secret, user.userID, user.groupID) }
        try bench.stage.declare(
            system: "db", "postgresql", ["host": .string(bench.server.socketFolder), "user": "postgres", "method": "base"])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        let harmless = try await verify(
            bench, ["amcheck": true, "queries": [query("SELECT rolsuper FROM pg_roles WHERE rolname = current_user", expect: "t")]])
        #expect(harmless.failure == nil, "\(String(describing: harmless.failure))")
        let refused = try await verify(bench, ["queries": [query("SELECT pg_read_file('\(secret)')", expect: "")]], id: "verify-secret")
        let words = refused.failure?.found ?? ""
        #expect(words.contains("Permission denied") || words.contains("No such file"), "\(String(describing: refused.failure))")
        let user = try #require(try ServerUser.current())
        let status = "SELECT pg_read_file('/proc/self/status', 0, 4000) ~ 'Uid:\\s+\(user.userID)\\s'"
        let other = try await verify(bench, ["queries": [query(status, expect: "f")]], id: "verify-user")
        #expect(other.failure == nil, "\(String(describing: other.failure))")
    }

    /// Whatever a copy names, and whoever in it looks for it.
    @Test func aScratchServerSeesItsOwnFilesAlone() async throws {
        try requireRoot("a root folder of the server's own")
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let open = bench.server.folder + "/open"
        try FileManager.default.createDirectory(atPath: open, withIntermediateDirectories: true)
        chmod(open, 0o777)
        try await bench.server.execute(
            """
            CREATE FUNCTION tried(statement text) RETURNS text LANGUAGE plpgsql AS $$
            BEGIN
                EXECUTE statement; RETURN 'done';
            EXCEPTION WHEN OTHERS THEN RETURN sqlerrm;
            END $$
            """, database: "orders")
        try bench.stage.declare(
            system: "db", "postgresql", ["host": .string(bench.server.socketFolder), "user": "postgres", "method": "base"])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        let result = try await verify(
            bench,
            [
                "queries": [
                    query("SELECT pg_stat_file('\(bench.server.data)/PG_VERSION', true) IS NULL", expect: "t"),
                    query("SELECT count(*) FROM pg_ls_dir('/') AS name WHERE name IN ('home', 'root', 'run', 'srv', 'var')", expect: 0),
                    query("SELECT tried($$COPY (SELECT 1) TO '\(open)/witness'$$) LIKE '%No such file%'", expect: "t"),
                    query("SELECT tried($$COPY (SELECT 1) TO PROGRAM 'touch \(open)/witness'$$) LIKE '%failed%'", expect: "t"),
                    // Its own, and the few that hold it.
                    query("SELECT count(*) < 40 FROM pg_ls_dir('/proc') AS name WHERE name ~ '^[0-9]+$'", expect: "t"),
                ]
            ])
        #expect(result.failure == nil, "\(String(describing: result.failure))")
        #expect(!FileManager.default.fileExists(atPath: open + "/witness"))
    }

    @Test func aCancelledCheckEndsTheScratchServer() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declare("db", ["method": "base"])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        let data = URL(fileURLWithPath: bench.stage.folder.file("scratch/verify-copy/restored/data")).resolvingSymlinksInPath().path
        // A server that has a root folder of its own has its data below that.
        func isOfServer(_ pid: String) -> Bool {
            Int(pid) != nil && (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd"))?.hasSuffix(data) == true
        }
        func servers() -> Int {
            ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).count(where: isOfServer)
        }
        let check: [String: JSONValue] = ["queries": [query("SELECT pg_sleep(600)", expect: "")]]
        func isAsked() -> Bool {
            let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return processes.contains { pid in
                guard isOfServer(pid) else { return false }
                let words = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline").map { String(decoding: $0, as: UTF8.self) }
                return words?.hasPrefix("postgres: ") == true && words?.contains("SELECT") == true
            }
        }
        // As it starts, and in the middle of the query.
        let moments: [(String, () -> Bool)] = [
            ("it starts", { servers() > 0 }), ("it has helpers", { servers() > 3 }), ("it is asked", isAsked),
        ]
        for (name, moment) in moments {
            let task = Task { try await verify(bench, check) }
            try await eventually("\(name)", moment)
            task.cancel()
            await #expect(throws: CancellationError.self) { _ = try await task.value }
            try await eventually("the server is gone") { servers() == 0 }
        }
    }

    @Test func aDamagedPageIsFound() async throws {
        // Nobody writes the page again from memory.
        let bench = try await PostgreSQLBench(configuration: ["autovacuum = off"])
        defer { bench.server.stop() }
        let page = try #require(try await bench.server.value("SELECT pg_relation_filepath('orders') AS value", database: "orders"))
        try await Connection.connect(bench.server.settings(database: "orders")).query("VACUUM FREEZE orders")
        try await bench.server.execute("CHECKPOINT")
        func damage(_ data: String) throws {
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: "\(data)/\(page)"))
            try file.seek(toOffset: 8192 + 4096)
            try file.write(contentsOf: Data(repeating: 0xA5, count: 64))
            try file.close()
        }
        // In a restored copy: by the manifest, and by the page's own checksum.
        let folder = bench.stage.folder.file("restored")
        try bench.declare("db", ["method": "base", "dataFolder": .string(folder + "/data")])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        try await bench.stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "db"])
        try damage(folder + "/data")
        let (system, opened) = try await bench.stage.open("db", as: (any Verifying).self)
        var copy = opened
        copy.restoredFolder = folder
        let context = copy
        for (check, word) in [([:], "checksum mismatch"), (["manifest": false], "checksum verification failed")]
            as [([String: JSONValue], String)]
        {
            let error = await #expect(throws: StepError.self) { try await system.check(Settings(check, origin: "check"), context) }
            #expect(error?.kind == .verification)
            #expect(error?.found.contains(word) == true, "\(error?.found ?? "")")
        }
        // On the server itself: it says so at the end of the backup, which then is none.
        try damage(bench.server.data)
        let error = await #expect(throws: StepError.self) {
            try await bench.stage.run("copy", id: "copy-again", .systems(["db"]), ["to": "vault"])
        }
        #expect(error?.code == "damaged-pages")
        #expect(try await bench.stage.store("vault").snapshots().count == 1)
    }
}
