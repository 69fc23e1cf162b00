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

/// Copies of a data folder that was snapshotted in backup mode: whatever the server did meanwhile, and wherever its files lie, they are its backup
/// or none.
@Suite struct WindowCopyTests {
    private let count: JSONValue = ["database": "orders", "sql": "SELECT count(*) FROM orders", "expect": 5000]

    @Test func aBusyServersCopyHasNoDamage() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declareWindow(["files": bench.server.data])
        let server = bench.server
        // Until the window is closed: rows that move, files that come, go and are written anew.
        let writer = Task {
            let connection = try await Connection.connect(server.settings(database: "orders"))
            var round = 0
            while !Task.isCancelled {
                round += 1
                try await connection.execute(script: "UPDATE orders SET item = md5(item || '\(round)')")
                try await connection.execute(script: "CREATE TABLE t\(round) AS SELECT * FROM orders")
                try await connection.query("VACUUM FULL orders")
                try await connection.execute(script: "DROP TABLE IF EXISTS t\(max(0, round - 3))")
            }
        }
        defer { writer.cancel() }
        try await bench.until(
            "SELECT (count(*) > 0)::text AS value FROM pg_class WHERE relname LIKE 't_' AND relname > 't1'", database: "orders")
        try await bench.window(["files"])
        writer.cancel()
        if case .failure(let error) = await writer.result, !(error is CancellationError) { throw error }
        #expect(try await bench.copy("files").missed == [])
        let verified = try await bench.verify("files", ["amcheck": true, "queries": [count]])
        #expect(verified.failure == nil, "\(String(describing: verified.failure))")
        let facts = verified.proofs.first?.details["checks"]?.arrayValue?.first
        #expect(facts?["checksums"]?.stringValue?.hasSuffix("pages are good") == true, "\(String(describing: facts))")
    }

    @Test func theNextCopyHasItsOwnLabelAndWhatWasWrittenInTheWindow() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declareWindow(["files": bench.server.data])
        let restic = try bench.stage.restic("vault")
        var labels: [String] = []
        for round in 1...2 {
            try await bench.window(["files"])
            try await bench.copy("files")
            let label = try await restic.succeed("dump", "latest", bench.server.data + "/backup_label")
            #expect(!labels.contains(label), "round \(round): \(label)")
            labels.append(label)
            #expect(try await bench.verify("files", ["queries": [count]], id: StepID("verify-\(round)")).failure == nil)
        }
    }

    /// A file that was written twice within one tick of the clock, before and after it was read, looks unchanged the next time.
    @Test func whatChangedSinceTheWindowOpenedIsReadAnewTheNextTime() throws {
        let folder = try ScratchFolder("racy")
        for name in ["settled", "racy"] { try name.write(toFile: folder.file(name), atomically: true, encoding: .utf8) }
        let base = try FolderReader(path: folder.path)
        let changed = try base.metadata(of: TreePath("racy")).changed
        for (opened, isKept) in [(changed.seconds + 2, true), (changed.seconds, false)] {
            let tree = CompletedTree(base, data: TreePath(), files: [:], openedAt: FileTime(seconds: opened))
            let listed = try #require(try tree.list(TreePath()).entries.first { $0.name == "racy" }).metadata.changed
            let reader = try tree.open(TreePath("racy"))
            #expect((try reader.metadata().changed == changed) == isKept)
            #expect((listed == changed), "the file itself is looked at as it is")
            reader.close()
        }
    }

    @Test func tablespacesInTheTreeComeAlongAndTheOriginalsAreNotTouched() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.withTablespace()
        try bench.declareWindow(["files": bench.server.folder])
        try await bench.window(["files"])
        try await bench.copy("files")
        let apart: JSONValue = ["database": "orders", "sql": "SELECT sum(n) FROM apart", "expect": 5050]
        // What the scratch server would find if it looked at the original.
        try await bench.server.execute("TRUNCATE apart", database: "orders")
        let verified = try await bench.verify("files", ["queries": [count, apart]])
        #expect(verified.failure == nil, "\(String(describing: verified.failure))")
        #expect(try await bench.server.value("SELECT count(*)::text AS value FROM apart", database: "orders") == "0")
    }

    @Test func aTablespaceOutsideOfTheSnapshotsIsNoBackup() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.withTablespace()
        let folders = ["files": bench.server.data, "apart": bench.server.folder + "/apart"]
        try bench.declareWindow(folders.filter { $0.key == "files" })
        try await bench.window(["files"])
        let error = await #expect(throws: StepError.self) { try await bench.copy("files") }
        #expect(error?.code == "tablespace-outside")
        #expect(error?.found.contains(bench.server.folder + "/apart") == true)
        #expect(error?.advice.contains("method: base") == true)
        #expect(try await bench.stage.store("vault").snapshots().isEmpty)
        // In another snapshot of the same window it is where it should be.
        try bench.declareWindow(folders)
        try await bench.window(["files", "apart"])
        try await bench.copy("files")
        try await bench.copy("apart")
        #expect(try await bench.stage.store("vault").snapshots().count == 2)
    }

    /// A name that begins like the tree's says nothing where a link stands on the way.
    @Test func aTablespaceBehindALinkIsWhereTheLinkLeads() async throws {
        let outside = try ScratchFolder("disk")
        for (folder, isInside) in [(outside.path, false), ("", true)] {
            let bench = try await PostgreSQLBench()
            defer { bench.server.stop() }
            let disk = (folder.isEmpty ? bench.server.folder : folder) + "/disk"
            try FileManager.default.createDirectory(atPath: disk + "/ts", withIntermediateDirectories: true)
            if let user = try ServerUser.current() { chown(disk + "/ts", user.userID, user.groupID) }
            try FileManager.default.createSymbolicLink(atPath: bench.server.folder + "/link", withDestinationPath: disk)
            try await bench.server.execute("CREATE TABLESPACE apart LOCATION '\(bench.server.folder)/link/ts'")
            try await bench.server.execute(
                "CREATE TABLE apart (n int) TABLESPACE apart; INSERT INTO apart SELECT generate_series(1, 100)", database: "orders")
            try bench.declareWindow(["files": bench.server.folder])
            try await bench.window(["files"])
            guard isInside else {
                let error = await #expect(throws: StepError.self) { try await bench.copy("files") }
                #expect(error?.code == "tablespace-outside")
                continue
            }
            try await bench.copy("files")
            try await bench.server.execute("TRUNCATE apart", database: "orders")
            let apart: JSONValue = ["database": "orders", "sql": "SELECT sum(n) FROM apart", "expect": 5050]
            let verified = try await bench.verify("files", ["queries": [count, apart]])
            #expect(verified.failure == nil, "\(String(describing: verified.failure))")
            #expect(try await bench.server.value("SELECT count(*)::text AS value FROM apart", database: "orders") == "0")
        }
    }

    /// Whoever administers the copied server writes what it answers.
    @Test func aServersOwnMapIsReadAsOne() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let victim = bench.stage.folder.file("victim")
        try "precious".write(toFile: victim, atomically: true, encoding: .utf8)
        try await bench.server.execute(
            """
            SET allow_system_table_mods = on;
            ALTER FUNCTION pg_catalog.pg_backup_stop(boolean) RENAME TO real_stop;
            CREATE FUNCTION pg_catalog.pg_backup_stop(wait_for_archive boolean DEFAULT true, OUT lsn pg_lsn, OUT labelfile text, OUT spcmapfile text)
            LANGUAGE sql AS $$
                SELECT r.lsn, r.labelfile, '../../../../../../../../../../..\(victim) \(bench.server.data)/base' || E'\\n'
                  FROM pg_catalog.real_stop(wait_for_archive) r
            $$;
            GRANT EXECUTE ON FUNCTION pg_catalog.pg_backup_stop(boolean) TO backup;
            """)
        try bench.declareWindow(["files": bench.server.data])
        try await bench.window(["files"])
        let error = await #expect(throws: StepError.self) { try await bench.copy("files") }
        #expect(error?.found.contains("victim") == true, "\(String(describing: error))")
        #expect(try await bench.stage.store("vault").snapshots().isEmpty)
        #expect(FileManager.default.fileExists(atPath: victim))
    }

    @Test func anotherClustersFolderGetsNoLabel() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let other = try await PostgreSQLServerRig.start()
        defer { other.stop() }
        // Under the path that the server names, as on another host, lies another cluster.
        try bench.declareWindow(["files": bench.server.data])
        try await bench.stage.run("quiesce", id: "quiesce-db", .systems(["db"]))
        let own = bench.server.data + ".own"
        try FileManager.default.moveItem(atPath: bench.server.data, toPath: own)
        try FileManager.default.copyItem(atPath: other.data, toPath: bench.server.data)
        try await bench.stage.run("snapshot", id: "snapshot-files", .systems(["files"]))
        try FileManager.default.removeItem(atPath: bench.server.data)
        try FileManager.default.moveItem(atPath: own, toPath: bench.server.data)
        #expect(try await bench.stage.undo("quiesce", id: "quiesce-db", .systems(["db"]), as: "thaw-db").failure == nil)
        let error = await #expect(throws: StepError.self) { try await bench.copy("files") }
        #expect(error?.code == "other-cluster")
        #expect(try await bench.stage.store("vault").snapshots().isEmpty)
    }

    @Test func walThatLiesElsewhereIsInTheCopy() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let (wal, away) = (bench.server.data + "/pg_wal", bench.server.folder + "/wal-disk")
        try await bench.server.halt()
        try FileManager.default.moveItem(atPath: wal, toPath: away)
        try FileManager.default.createSymbolicLink(atPath: wal, withDestinationPath: away)
        try await bench.server.resume()
        try bench.declareWindow(["files": bench.server.data])
        try await bench.window(["files"])
        try await bench.copy("files")
        try bench.stage.declare(system: "target", "directory", ["path": .string(bench.stage.folder.file("new"))])
        try await bench.stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "target"])
        let segments = try FileManager.default.contentsOfDirectory(atPath: bench.stage.folder.file("new/pg_wal"))
        #expect(segments.count == 1 && segments[0].count == 24, "\(segments)")
        #expect((try? FileManager.default.destinationOfSymbolicLink(atPath: bench.stage.folder.file("new/pg_wal"))) == nil)
        #expect(try await bench.verify("files", ["queries": [count]]).failure == nil)
    }

    @Test func whatIsTheServersAloneAndOldPapersStayOut() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        for paper in ["backup_manifest", "tablespace_map", "backup_label.old"] {
            try "old".write(toFile: bench.server.data + "/" + paper, atomically: true, encoding: .utf8)
        }
        try bench.declareWindow(["files": bench.server.data])
        try await bench.window(["files"])
        try await bench.copy("files")
        let names = Set(
            try await bench.stage.restic("vault").succeed("ls", "latest").split(separator: "\n").map { $0.split(separator: "/").last ?? "" }
        )
        for name in ["backup_manifest", "tablespace_map", "postmaster.pid", "postmaster.opts"] {
            #expect(!names.contains(Substring(name)), "\(name)")
        }
        for name in ["backup_label", "pg_control", "PG_VERSION", "pg_replslot", "backup_label.old"] {
            #expect(names.contains(Substring(name)), "\(name)")
        }
    }

    @Test func theSlotGoesWithTheLastOfTheWindowsCopies() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let slots = "SELECT count(*)::text AS value FROM pg_replication_slots"
        try bench.declareWindow(["files": bench.server.data, "more": bench.stage.folder.file("more")])
        try bench.stage.write("more/file", "text")
        try await bench.window(["files", "more"])
        try await bench.copy("files")
        #expect(try await bench.server.value(slots) == "1", "another copy is to come")
        try await bench.copy("more")
        try await bench.until("SELECT (count(*) = 0)::text AS value FROM pg_replication_slots")
    }

    @Test func theSlotGoesWithTheSnapshotWhenItsCopyFailed() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declareWindow(["files": bench.server.data])
        try await bench.window(["files"])
        try bench.stage.write("vault", "no folder")
        await #expect(throws: (any Error).self) { try await bench.copy("files") }
        #expect(try await bench.server.value("SELECT count(*)::text AS value FROM pg_replication_slots") == "1", "it may be tried again")
        bench.stage.set(outputs: [:], of: "copy-files")
        try await bench.stage.undo("snapshot", id: "snapshot-files", .systems(["files"]), as: "release-files")
        try await bench.until("SELECT (count(*) = 0)::text AS value FROM pg_replication_slots")
    }

    @Test func aSlotOfAnotherProcessIsEndedByItsName() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declare("db")
        let (system, context) = try await bench.stage.open("db", as: PostgreSQLSystem.self)
        let keeper = try await WALKeeper.start(system.server.connection(name: WALKeeper.name("elsewhere")))
        #expect(try await bench.server.value("SELECT count(*)::text AS value FROM pg_replication_slots") == "1")
        try await system.completed(thawed: ["keeper": .string(WALKeeper.name("elsewhere"))], context)
        try await bench.until("SELECT (count(*) = 0)::text AS value FROM pg_replication_slots")
        withExtendedLifetime(keeper) {}
    }

    @Test func withoutTheLabelThereIsNoCopy() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declareWindow(["files": bench.server.data])
        try await bench.stage.run("quiesce", id: "quiesce-db", .systems(["db"]))
        try await bench.stage.run("snapshot", id: "snapshot-files", .systems(["files"]))
        // Nothing says that it was thawed.
        let error = await #expect(throws: StepError.self) { try await bench.copy("files") }
        #expect(error?.kind == .windowVoid)
        #expect(try await bench.stage.store("vault").snapshots().isEmpty)
        try await bench.stage.undo("quiesce", id: "quiesce-db", .systems(["db"]))
    }

    @Test func whatARepositoryHoldsIsCheckedByItsSystems() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declareWindow(["files": bench.server.data])
        try await bench.window(["files"])
        try await bench.copy("files")
        func verify(expecting count: JSONValue, id: StepID) async throws -> StepResult {
            let query: JSONValue = ["database": "orders", "sql": "SELECT count(*) FROM orders", "expect": count]
            return try await bench.stage.run("verify", id: id, .repository("vault"), ["restore": ["checks": [["queries": [query]]]]])
        }
        #expect(try await verify(expecting: 5000, id: "verify-good").failure == nil)
        #expect(try await verify(expecting: 4, id: "verify-bad").failure?.found.contains("5000") == true)
    }

    @Test func aPageThatIsDamagedOnTheServerIsFoundAndNamed() async throws {
        // Nobody writes the page again from memory.
        let bench = try await PostgreSQLBench(configuration: ["autovacuum = off"])
        defer { bench.server.stop() }
        let page = try #require(try await bench.server.value("SELECT pg_relation_filepath('orders') AS value", database: "orders"))
        try await Connection.connect(bench.server.settings(database: "orders")).query("VACUUM FREEZE orders")
        try await bench.server.execute("CHECKPOINT")
        try bench.flipBit(in: "\(bench.server.data)/\(page)", at: 3 * 8192 + 5000)
        try bench.declareWindow(["files": bench.server.data])
        try await bench.window(["files"])
        try await bench.copy("files")
        let unasked = try await bench.verify("files", [:])
        #expect(unasked.failure?.kind == .verification)
        #expect(unasked.failure?.found.contains("orders.public.orders") == true, "\(unasked.failure?.found ?? "")")
        #expect(unasked.proofs.first?.isGood == false)
        let asked = try await bench.verify(
            "files", ["queries": [["database": "orders", "sql": "SELECT count(item) FROM orders"]]], id: "verify-asked")
        #expect(asked.failure?.kind == .verification)
        #expect(asked.failure?.found.contains("orders.public.orders") == true, "\(asked.failure?.found ?? "")")
    }
}
