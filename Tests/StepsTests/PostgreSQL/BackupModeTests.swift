import Basics
import FlowModel
import Foundation
import PostgreSQL
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// Backup mode: a window over a server and the file system that holds its data folder.
@Suite struct BackupModeTests {
    private func bench() async throws -> PostgreSQLBench {
        let bench = try await PostgreSQLBench()
        try bench.declare("db")
        try bench.stage.declare(
            system: "files", "directory",
            ["path": .string(bench.server.data), "staging": "1GiB", "excludes": ["postmaster.pid", "postmaster.opts"]])
        bench.stage.plan(steps: [
            PlannedStep(id: "quiesce-db", verb: "quiesce", subject: .systems(["db"]), window: "w", undoneBy: "thaw-db"),
            PlannedStep(id: "snapshot-files", verb: "snapshot", subject: .systems(["files"]), window: "w"),
            PlannedStep(id: "thaw-db", verb: "thaw", subject: .systems(["db"]), window: "w", undoes: "quiesce-db"),
        ])
        return bench
    }

    @Test func theLabelGoesWithTheCopyAndAServerStartsOnIt() async throws {
        let bench = try await bench()
        defer { bench.server.stop() }
        let stage = bench.stage
        try await stage.run("quiesce", id: "quiesce-db", .systems(["db"]))
        let held = "SELECT count(*)::text AS value FROM pg_stat_activity WHERE application_name = 'snappy-flow sf-quiesce-db'"
        #expect(try await bench.server.value(held) == "1")
        // The server goes on: what is written meanwhile is in the copy or not, and never half.
        try await bench.server.execute("INSERT INTO orders SELECT n, 'during' FROM generate_series(5001, 5500) n", database: "orders")
        try await stage.run("snapshot", id: "snapshot-files", .systems(["files"]))
        let thawed = try await stage.undo("quiesce", id: "quiesce-db", .systems(["db"]), as: "thaw-db")
        #expect(thawed.failure == nil)
        try await bench.until(
            "SELECT (count(*) = 0)::text AS value FROM pg_stat_activity WHERE application_name = 'snappy-flow sf-quiesce-db'")
        #expect(thawed.outputs["systems"]?["db"]?["label"]?.stringValue?.contains("START WAL LOCATION") == true)
        let before = try await PostgreSQLBench.fingerprint(of: bench.server)
        let copied = try await stage.run(
            "copy", id: "copy-files", .systems(["files"]), ["to": "vault"], snapshots: ["files": "snapshot-files"])
        #expect(copied.missed == [])
        try stage.declare(system: "target", "directory", ["path": .string(stage.folder.file("new"))])
        try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "target"])
        #expect(stage.exists("new/backup_label"))
        let found = try await bench.server.serving(stage.folder.file("new")) { connection in
            try await connection.query("SELECT count(*) || md5(string_agg(item, ',' ORDER BY id)) AS value FROM orders").first?.firstText
        }
        #expect(found == before)
    }

    @Test func aServerThatRestartsInTheWindowVoidsIt() async throws {
        let bench = try await bench()
        defer { bench.server.stop() }
        try await bench.stage.run("quiesce", id: "quiesce-db", .systems(["db"]))
        try await bench.server.restart()
        let thawed = try await bench.stage.undo("quiesce", id: "quiesce-db", .systems(["db"]))
        #expect(thawed.failure?.kind == .windowVoid)
        #expect(thawed.failure?.retry == .transient)
        // A second thaw finds nothing to do and says the same.
        #expect(try await bench.stage.undo("quiesce", id: "quiesce-db", .systems(["db"])).failure?.kind == .windowVoid)
    }

    @Test func removedWALIsSaid() async throws {
        let server = try await PostgreSQLServerRig.start(configuration: ["min_wal_size = 32MB", "max_wal_size = 32MB", "wal_keep_size = 0"])
        defer { server.stop() }
        try await server.execute("CREATE TABLE busy (n int)")
        for _ in 0..<8 {
            try await server.execute("INSERT INTO busy VALUES (1)")
            _ = try await server.value("SELECT pg_switch_wal()::text AS value")
        }
        try await server.execute("CHECKPOINT")
        let label = "START WAL LOCATION: 0/1000028 (file 000000010000000000000001)\nSTART TIMELINE: 1\n"
        let range = try #require(WALRange(label: label, end: "0/1000100", segmentBytes: 16 << 20))
        #expect(range.fileName(1) == "000000010000000000000001")
        let error = #expect(throws: StepError.self) {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let stream = try WALStream(range, segment: 1, from: server.settings())
            _ = try buffer.withUnsafeMutableBytes { try stream.read(into: $0) }
        }
        #expect(error?.code == "wal-missing")
        #expect(error?.advice.contains("wal_keep_size") == true)
        #expect(error?.retry == .transient)
    }

    @Test func aUserWithoutTheRightIsToldTheGrants() async throws {
        let bench = try await bench()
        defer { bench.server.stop() }
        try await bench.server.execute("REVOKE EXECUTE ON FUNCTION pg_backup_start(text, boolean) FROM backup")
        let error = await #expect(throws: StepError.self) {
            try await bench.stage.run("quiesce", id: "quiesce-db", .systems(["db"]))
        }
        #expect(error?.advice.contains("GRANT EXECUTE ON FUNCTION pg_backup_start") == true)
        #expect(error?.retry == .permanent)
        let thawed = try await bench.stage.undo("quiesce", id: "quiesce-db", .systems(["db"]))
        #expect(thawed.failure == nil)
    }
}
