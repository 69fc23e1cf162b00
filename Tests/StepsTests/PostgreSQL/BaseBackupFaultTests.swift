import FlowModel
import Basics
import Foundation
import PostgreSQL
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// Base backups that go wrong in the middle, and servers that are not the usual one.
@Suite struct BaseBackupFaultTests {
    /// Takes a few entries of a backup, lets something happen, and takes the rest.
    private func interrupted(_ bench: PostgreSQLBench, _ event: @Sendable () async throws -> Void) async throws -> StepError? {
        try bench.declare("cluster", ["method": "base"])
        let (source, context) = try await bench.stage.open("cluster", as: (any TreeSource).self)
        return await #expect(throws: StepError.self) {
            try await source.withTree(of: nil, context) { reader in
                let stream = try #require(reader as? any TreeStream)
                for _ in 0..<20 { #expect(try stream.next() != nil) }
                try await event()
                while let entry = try stream.next() { try entry.content?.drain() }
            }
        }
    }

    @Test func aSenderThatIsEndedSaysSo() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let error = try await interrupted(bench) {
            try await bench.server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE state = 'backup'")
        }
        #expect(error?.retry == .transient)
        // Its last words do not always arrive in the middle of data.
        let found = error?.found ?? ""
        #expect(found.contains("terminating connection") || found.contains("closed the connection"), "\(found)")
        #expect(error?.advice != "")
        try await bench.until("SELECT (count(*) = 0)::text AS value FROM pg_replication_slots")
    }

    @Test func walThatTheServerCouldNotKeepIsMissed() async throws {
        let bench = try await PostgreSQLBench(configuration: [
            "min_wal_size = 32MB", "max_wal_size = 32MB", "wal_keep_size = 0", "max_slot_wal_keep_size = 1MB",
        ])
        defer { bench.server.stop() }
        let error = try await interrupted(bench) {
            for _ in 0..<8 {
                try await bench.server.execute("CREATE TABLE busy (n int); DROP TABLE busy")
                _ = try await bench.server.value("SELECT pg_switch_wal()::text AS value")
            }
            try await bench.server.execute("CHECKPOINT")
        }
        #expect(error?.code == "wal-missing", "\(String(describing: error))")
        #expect(error?.advice.contains("max_slot_wal_keep_size") == true)
        #expect(error?.retry == .transient)
    }

    @Test func aWrongPasswordIsNamedAndNotTriedAgain() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.stage.write("wrong", "guess")
        try bench.declare("cluster", ["method": "base", "password": ["fromFile": .string(bench.stage.folder.file("wrong"))]])
        let error = await #expect(throws: StepError.self) {
            try await bench.stage.run("copy", id: "copy-cluster", .systems(["cluster"]), ["to": "vault"])
        }
        #expect(error?.retry == .permanent && error?.advice.contains("password") == true, "\(String(describing: error))")
        #expect(!"\(String(describing: error))".contains("guess"))
    }

    @Test func aRestoreThatBreaksOffLeavesNothingThatStarts() async throws {
        struct Broken: Error {}
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let folder = bench.stage.folder.file("new")
        try bench.declare("new", ["method": "base", "dataFolder": .string(folder)])
        let (target, context) = try await bench.stage.open("new", as: (any TreeDestination).self)
        await #expect(throws: Broken.self) {
            try await target.withTreeWriter(overwrite: false, context) { writer in
                try writer.makeDirectory(TreePath("data/global"))
                try writer.createFile(TreePath("data/global/pg_control"), size: 0).finish()
                throw Broken()
            }
        }
        #expect(bench.stage.exists("new/global/pg_control.restoring") && !bench.stage.exists("new/global/pg_control"))
        // The next try of the same step begins anew, and leaves nothing of the first.
        try bench.stage.write("new/half", "of the first")
        try await bench.stage.run("copy", id: "copy-new", .systems(["new"]), ["to": "vault"])
        let repository = try await bench.stage.store("vault")
        let snapshot = try #require(try await repository.snapshots().first)
        try await target.withTreeWriter(overwrite: false, context) { writer in
            _ = try await repository.restore(snapshot, to: writer, RestoreOptions(root: TreePath(snapshot.paths[0])))
        }
        #expect(bench.stage.exists("new/global/pg_control") && !bench.stage.exists("new/half"))
        let beside = try FileManager.default.contentsOfDirectory(atPath: bench.stage.folder.path).filter { $0.hasPrefix("new.") }
        #expect(beside.isEmpty, "\(beside)")
    }

    @Test func aRestoredCopyWithoutItsLabelIsFound() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let folder = bench.stage.folder.file("restored")
        try bench.declare("db", ["method": "base", "dataFolder": .string(folder + "/data")])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        try await bench.stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "db"])
        // Such a cluster starts: from the wrong place in its WAL.
        try FileManager.default.removeItem(atPath: folder + "/data/backup_label")
        let (system, opened) = try await bench.stage.open("db", as: (any Verifying).self)
        var checked = opened
        checked.restoredFolder = folder
        let context = checked
        let error = await #expect(throws: StepError.self) { try await system.check(Settings([:], origin: "check"), context) }
        #expect(error?.kind == .verification && error?.found.contains("backup_label") == true, "\(String(describing: error))")
    }

    @Test func aClusterOfAnotherSuperuserWithLargeSegmentsIsProved() async throws {
        let bench = try await PostgreSQLBench(
            configuration: ["max_prepared_transactions = 5"], initdb: ["--wal-segsize=64"], superuser: "chief")
        defer { bench.server.stop() }
        // What the scratch server has to start with: prepared transactions, libraries that are not there, its own idea of a server.
        try await bench.server.execute(
            "BEGIN; INSERT INTO orders VALUES (90000, 'prepared'); PREPARE TRANSACTION 'half'", database: "orders")
        try await bench.server.execute("ALTER SYSTEM SET superuser_reserved_connections = 40")
        try bench.declare("cluster", ["method": "base"])
        try await bench.stage.run("copy", id: "copy-cluster", .systems(["cluster"]), ["to": "vault"])
        let verified = try await bench.verify(
            "cluster",
            [
                "amcheck": true,
                "queries": [
                    ["database": "orders", "sql": "SELECT count(*) FROM orders", "expect": 5000],
                    ["database": "orders", "sql": "SELECT gid FROM pg_prepared_xacts", "expect": "half"],
                ],
            ])
        #expect(verified.failure == nil, "\(String(describing: verified.failure))")
        try bench.declareWindow(["files": bench.server.data])
        try await bench.window(["files"])
        try await bench.copy("files")
        let count: JSONValue = ["database": "orders", "sql": "SELECT count(*) FROM orders", "expect": 5000]
        #expect(try await bench.verify("files", ["queries": [count]], id: "verify-files").failure == nil)
        try bench.declare("dumps")
        try await bench.server.execute("ROLLBACK PREPARED 'half'", database: "orders")
        try await bench.stage.run("copy", id: "copy-dumps", .systems(["dumps"]), ["to": "vault"])
        #expect(try await bench.verify("dumps", ["queries": []], id: "verify-dumps").failure == nil)
    }

    @Test func librariesThatRolesAskForAreNotLoaded() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute("ALTER DATABASE orders SET session_preload_libraries = 'auto_explain'")
        try await bench.server.execute("ALTER ROLE backup SET session_preload_libraries = 'auto_explain'")
        try bench.declare("cluster", ["method": "base"])
        try await bench.stage.run("copy", id: "copy-cluster", .systems(["cluster"]), ["to": "vault"])
        let asked: JSONValue = [
            "database": "orders", "sql": "SELECT coalesce(current_setting('auto_explain.log_format', true), 'none')", "expect": "none",
        ]
        #expect(try await bench.verify("cluster", ["queries": [asked]]).failure == nil)
    }

    @Test func aScratchServerThatRefusesIsNotWaitedFor() async throws {
        // Nobody here is known to be a superuser, so the library is asked for; there is none.
        let bench = try await PostgreSQLBench(superuser: "chief")
        defer { bench.server.stop() }
        try await bench.server.execute("ALTER ROLE backup SET session_preload_libraries = 'no_such_library'")
        try bench.declare("cluster", ["method": "base"])
        try await bench.stage.run("copy", id: "copy-cluster", .systems(["cluster"]), ["to": "vault"])
        let verified = try await bench.verify("cluster", ["queries": []])
        #expect(verified.failure?.kind == .verification)
        #expect(verified.failure?.found.contains("no_such_library") == true, "\(String(describing: verified.failure))")
    }

    @Test func aStandbyIsASourceLikeAnother() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let standby = bench.server.folder + "/standby"
        try await bench.server.program(
            "pg_basebackup", "-D", standby, "-h", bench.server.socketFolder, "-U", "postgres", "-R", "-X", "stream", "-c", "fast")
        let before = try await PostgreSQLBench.fingerprint(of: bench.server)
        try await bench.server.serving(standby) { connection in
            let socket = try #require(try await connection.query("SHOW unix_socket_directories").first?.firstText)
            #expect(try await connection.query("SELECT pg_is_in_recovery()").first?.firstText == "t")
            try bench.declare("cluster", ["method": "base", "host": .string(socket)])
            try await bench.stage.run("copy", id: "copy-cluster", .systems(["cluster"]), ["to": "vault"])
            // In a window too: backup mode of a standby needs no right to write.
            try bench.declareWindow(["files": standby, "promoted": standby])
            try bench.declare("db", ["host": .string(socket)])
            try await bench.window(["files"])
            try await bench.copy("files")
            // Promoted, it is on a timeline of its own, whose history belongs to its backups.
            try await connection.query("SELECT pg_promote()")
            try await bench.window(["promoted"])
            try await bench.copy("promoted")
        }
        let count: JSONValue = [
            "database": "orders", "sql": "SELECT count(*) || md5(string_agg(item, ',' ORDER BY id)) FROM orders",
            "expect": .string(before ?? ""),
        ]
        for (index, name) in ["cluster", "files", "promoted"].enumerated() {
            let verified = try await bench.verify(name, ["amcheck": true, "queries": [count]], id: StepID("verify-\(index)"))
            #expect(verified.failure == nil, "\(name): \(String(describing: verified.failure))")
        }
    }
}
