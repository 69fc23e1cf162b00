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

/// `method: base`: a cluster streamed into a tree, which becomes a cluster again.
@Suite struct BaseBackupTests {
    @Test func aRestoredClusterAnswersAsTheOneThatWasCopied() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.withTablespace()
        try bench.declare("cluster", ["method": "base"])
        let copied = try await bench.stage.run("copy", id: "copy-cluster", .systems(["cluster"]), ["to": "vault"])
        #expect(copied.missed == [])
        let before = try await PostgreSQLBench.fingerprint(of: bench.server)

        // Stock restic restores it too, and PostgreSQL's own judge finds every file as the server listed it.
        let restic = try bench.stage.restic("vault")
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("restore", "latest", "--target", bench.stage.folder.file("by-restic"))
        try bench.openToServer(bench.stage.folder.file("by-restic"))
        let tree = try await bench.stage.store("vault").snapshots()[0].paths[0]
        let verified = try await bench.server.program("pg_verifybackup", bench.stage.folder.file("by-restic") + tree + "/data")
        #expect(verified.contains("backup successfully verified"))

        try bench.declare("new", ["method": "base", "dataFolder": .string(bench.stage.folder.file("new"))])
        try await bench.stage.run("restore", id: "restore-latest", .snapshot("latest"), ["from": "vault", "to": "new"])
        try await bench.server.serving(bench.stage.folder.file("new")) { connection in
            let rows = try await connection.query("SELECT count(*) || md5(string_agg(item, ',' ORDER BY id)) AS value FROM orders")
            #expect(try rows.first?.get("value") == before)
            #expect(try await connection.query("SELECT count(*) AS n FROM apart").first?.get("n") == 100)
        }
        let link = try FileManager.default.destinationOfSymbolicLink(
            atPath: try #require(bench.firstTablespaceLink(in: bench.stage.folder.file("new"))))
        #expect(link.hasPrefix(bench.stage.folder.file("new.tablespaces/")))
    }

    @Test func anotherCopyAddsOnlyWhatChanged() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declare("cluster", ["method": "base"])
        func copy(_ id: StepID) async throws -> Int64 {
            let result = try await bench.stage.run("copy", id: id, .systems(["cluster"]), ["to": "vault"])
            return try #require(result.outputs["dataAdded"]?.intValue)
        }
        let first = try await copy("copy-first")
        try await bench.server.execute("INSERT INTO orders SELECT n, 'more' FROM generate_series(5001, 5100) n", database: "orders")
        let second = try await copy("copy-second")
        #expect(first > 4 << 20)
        #expect(second < first / 4, "\(second) of \(first) bytes")
    }

    @Test func aBackupThatBreaksOffIsNoCopy() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declare("cluster", ["method": "base"])
        let (source, context) = try await bench.stage.open("cluster", as: (any TreeSource).self)
        let server = bench.server
        let error = await #expect(throws: StepError.self) {
            try await source.withTree(of: nil, context) { reader in
                let stream = try #require(reader as? any TreeStream)
                // In the middle of the data folder the server goes down.
                for _ in 0..<20 { #expect(try stream.next() != nil) }
                try await server.restart()
                while let entry = try stream.next() { try entry.content?.drain() }
            }
        }
        #expect(error?.retry == .transient)
        #expect(error?.advice != "")
        // The next try is whole.
        try await bench.stage.run("copy", id: "copy-cluster", .systems(["cluster"]), ["to": "vault"])
        #expect(try await bench.stage.store("vault").snapshots().count == 1)
    }

    @Test func aCancelledCopyLeavesNoSessionBehind() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declare("cluster", ["method": "base"])
        let (source, context) = try await bench.stage.open("cluster", as: (any TreeSource).self)
        let task = Task {
            try await source.withTree(of: nil, context) { reader in
                let stream = try #require(reader as? any TreeStream)
                for _ in 0..<20 { #expect(try stream.next() != nil) }
                // The rest is not taken before the cancellation: the server waits with it.
                try? await Task.sleep(for: .seconds(600))  // ends when it is cancelled
                while let entry = try stream.next() { try entry.content?.drain() }
            }
        }
        try await bench.until("SELECT (count(*) > 0)::text AS value FROM pg_replication_slots")
        try await bench.until("SELECT (count(*) > 0)::text AS value FROM pg_stat_replication WHERE state = 'backup'")
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await bench.until("SELECT (count(*) = 0)::text AS value FROM pg_replication_slots")
        try await bench.until("SELECT (count(*) = 0)::text AS value FROM pg_stat_replication")
    }

    @Test func aDeclaredIdentityNamesTheCopy() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        // Of two systems that differ in nothing else.
        for name in ["first", "second"] {
            try bench.stage.declare(system: name, "postgresql", bench.settings(["method": "base"]), identity: "postgresql:\(name)")
            let (source, context) = try await bench.stage.open(name, as: (any TreeSource).self)
            let path = try await source.withTree(of: nil, context) { $0.logicalPath }
            #expect(path == TreePath("postgresql/\(name)"))
        }
    }

    @Test func aUserWithoutReplicationIsToldSo() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute("ALTER ROLE backup NOREPLICATION")
        try bench.declare("cluster", ["method": "base"])
        let error = await #expect(throws: StepError.self) {
            try await bench.stage.run("copy", id: "copy-cluster", .systems(["cluster"]), ["to": "vault"])
        }
        #expect(error?.advice.contains("REPLICATION") == true)
        #expect(error?.retry == .permanent)
    }

    @Test func aFullDataFolderIsKeptAside() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let folder = bench.stage.folder.file("new")
        try bench.declare("new", ["method": "base", "dataFolder": .string(folder)])
        try await bench.stage.run("copy", id: "copy-new", .systems(["new"]), ["to": "vault"])
        try bench.stage.write("new/old", "precious")
        let restore: [String: JSONValue] = ["from": "vault", "to": "new"]
        let error = await #expect(throws: StepError.self) {
            try await bench.stage.run("restore", id: "refused", .snapshot("latest"), restore)
        }
        #expect(error?.code == "exists")
        try await bench.stage.run("restore", id: "allowed", .snapshot("latest"), restore.merging(["overwrite": true]) { $1 })
        #expect(try bench.stage.read("new.replaced-sf-allowed/old") == "precious")
        #expect(!bench.stage.exists("new/old") && bench.stage.exists("new/PG_VERSION"))
    }
}

extension FileReader {
    func drain() throws {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while try buffer.withUnsafeMutableBytes({ try read(into: $0) }) > 0 {}
    }
}
