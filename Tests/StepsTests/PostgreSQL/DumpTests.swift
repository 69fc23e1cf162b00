import FlowModel
import Basics
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// `method: dump`: databases as streams of pg_dump, brought back by pg_restore.
@Suite struct DumpTests {
    @Test func aDumpIsRestoredIntoAnotherServer() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute("CREATE DATABASE \"odd/100% name\"")
        try bench.declare("db")
        let copied = try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        #expect(copied.missed == [])
        let names = try await bench.stage.restic("vault").succeed("ls", "latest")
        for name in ["orders.dump", "postgres.dump", "globals.sql", "odd%2f100%25 name.dump"] { #expect(names.contains("/" + name)) }

        let other = try await PostgreSQLServerRig.start()
        defer { other.stop() }
        try bench.stage.declare(
            system: "other", "postgresql", ["host": .string(other.socketFolder), "globals": "unprivileged", "trustDumps": true])
        try await bench.stage.run(
            "restore", id: "restore-latest", .snapshot("latest"), ["from": "vault", "to": "other"])
        #expect(try await PostgreSQLBench.fingerprint(of: other) == PostgreSQLBench.fingerprint(of: bench.server))
        #expect(try await other.value("SELECT rolname AS value FROM pg_roles WHERE rolname = 'backup'") == "backup")
        #expect(try await other.value("SELECT datname AS value FROM pg_database WHERE datname LIKE 'odd%'") == "odd/100% name")
    }

    /// To the server they are two, whatever Swift takes them for.
    @Test func databasesThatLookAlikeAreTwo() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        let names = ["caf\u{e9}", "cafe\u{301}"]
        for (index, name) in names.enumerated() {
            try await bench.server.execute("CREATE DATABASE \"\(name)\"")
            try await bench.server.execute("CREATE TABLE is_\(index) ()", database: name)
        }
        try bench.declare("db", ["excludeDatabases": [.string(names[0])]])
        try await bench.stage.run("copy", id: "copy-one", .systems(["db"]), ["to": "vault"])
        func stored() async throws -> [[UInt8]] {
            try await bench.stage.restic("vault").succeed("ls", "latest").utf8.split(separator: UInt8(ascii: "\n")).map { Array($0) }
        }
        let files = names.map { Array("/db/\($0).dump".utf8) }
        let one = try await stored()
        #expect(!one.contains { $0.ends(with: files[0].dropFirst(3)) } && one.contains { $0.ends(with: files[1].dropFirst(3)) })
        try bench.declare("db")
        try await bench.stage.run("copy", id: "copy-both", .systems(["db"]), ["to": "vault"])
        let both = try await stored()
        for file in files { #expect(both.contains { $0.ends(with: file.dropFirst(3)) }, "\(String(decoding: file, as: UTF8.self))") }

        let other = try await PostgreSQLServerRig.start()
        defer { other.stop() }
        try bench.stage.declare(
            system: "other", "postgresql", ["host": .string(other.socketFolder), "globals": "unprivileged", "trustDumps": true])
        try await bench.stage.run("restore", id: "restore-latest", .snapshot("latest"), ["from": "vault", "to": "other"])
        for (index, name) in names.enumerated() {
            #expect(
                try await other.value("SELECT relname AS value FROM pg_class WHERE relname LIKE 'is!__' ESCAPE '!'", database: name)
                    == "is_\(index)")
        }
    }

    @Test func aDatabaseThatIsThereIsReplacedOnlyWhenAllowed() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declare("orders", ["database": "orders"])
        let place: [String: JSONValue] = ["host": .string(bench.server.socketFolder), "trustDumps": true]
        try bench.stage.declare(system: "target", "postgresql", place.merging(["database": "orders"]) { $1 })
        try await bench.stage.run("copy", id: "copy-orders", .systems(["orders"]), ["to": "vault"])
        let before = try await PostgreSQLBench.fingerprint(of: bench.server)
        try await bench.server.execute("DELETE FROM orders WHERE id > 10", database: "orders")
        let restore: [String: JSONValue] = ["from": "vault", "to": "target"]
        let error = await #expect(throws: StepError.self) {
            try await bench.stage.run("restore", id: "refused", .snapshot("latest"), restore)
        }
        #expect(error?.code == "exists")
        #expect(try await bench.server.value("SELECT count(*)::text AS value FROM orders", database: "orders") == "10")
        try await bench.stage.run("restore", id: "allowed", .snapshot("latest"), restore.merging(["overwrite": true]) { $1 })
        #expect(try await PostgreSQLBench.fingerprint(of: bench.server) == before)
        // Beside the original, under another name.
        try bench.stage.declare(system: "copy", "postgresql", place.merging(["database": "orders_copy"]) { $1 })
        try await bench.stage.run("restore", id: "beside", .snapshot("latest"), ["from": "vault", "to": "copy"])
        #expect(try await PostgreSQLBench.fingerprint(of: bench.server, database: "orders_copy") == before)
    }

    @Test func rolesThatAreThereStayAndTemplatesComeAlong() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try await bench.server.execute("CREATE DATABASE pattern IS_TEMPLATE true")
        try await bench.server.execute(
            "CREATE ROLE \"odd \"\"one\" NOLOGIN; CREATE ROLE fresh LOGIN CONNECTION LIMIT 7; GRANT fresh TO \"odd \"\"one\"")
        try bench.declare("db")
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        let other = try await PostgreSQLServerRig.start()
        defer { other.stop() }
        try await other.execute("CREATE ROLE backup SUPERUSER CONNECTION LIMIT 3; CREATE ROLE \"odd \"\"one\" LOGIN")
        try bench.stage.declare(
            system: "other", "postgresql", ["host": .string(other.socketFolder), "globals": "unprivileged", "trustDumps": true])
        try await bench.stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "other"])
        func role(_ name: String) async throws -> String? {
            try await other.value(
                "SELECT rolsuper || ',' || rolcanlogin || ',' || rolconnlimit AS value FROM pg_roles WHERE rolname = '\(name)'")
        }
        #expect(try await role("backup") == "true,false,3")
        #expect(try await role("odd \"one") == "false,true,-1")
        #expect(try await role("fresh") == "false,true,7")
        #expect(try await other.value("SELECT datistemplate::text AS value FROM pg_database WHERE datname = 'pattern'") == "true")
    }

    @Test func severalChecksShareOneScratchServer() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declare("db")
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        let started: JSONValue = ["queries": [["database": "orders", "sql": "SELECT count(*) FROM orders", "expect": 5000]]]
        let verified = try await bench.stage.run("verify", id: "verify", .step("copy-db"), ["restore": ["checks": [started, started]]])
        #expect(verified.failure == nil, "\(String(describing: verified.failure))")
        #expect(verified.proofs.first?.details["checks"]?.arrayValue?.count == 2)
    }

    @Test func nothingOfTheConnectionIsInAProcessList() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        // Stand-ins that note their arguments, as a process list would show them, and go on as the programs themselves.
        for program in ["pg_dump", "pg_dumpall"] {
            let script = """
                #!/bin/sh
                tr '\\0' ' ' </proc/$$/cmdline >>'\(bench.stage.folder.file("seen"))'
                exec '\(bench.server.programs)/\(program)' "$@"
                """
            try bench.stage.write("programs/\(program)", script)
            chmod(bench.stage.folder.file("programs/\(program)"), 0o755)
        }
        try bench.declare("db", ["programs": .string(bench.stage.folder.file("programs"))])
        try await bench.stage.run("copy", id: "copy-db", .systems(["db"]), ["to": "vault"])
        let seen = try bench.stage.read("seen")
        #expect(seen.contains("--format=custom") && seen.contains("--globals-only"))
        for word in ["least privilege", "PGPASSWORD", "backup", bench.server.socketFolder] { #expect(!seen.contains(word), "\(seen)") }
        #expect(!bench.stage.recorder.lines.contains { $0.contains("least privilege") })
    }

    @Test func errorsSayWhatToDo() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        func failure(_ more: [String: JSONValue]) async throws -> StepError {
            let id = StepID("copy-\(UUID().uuidString.lowercased())")
            try bench.declare("db", more)
            let error = await #expect(throws: (any Error).self) {
                try await bench.stage.run("copy", id: id, .systems(["db"]), ["to": "vault"])
            }
            return StepError(wrapping: try #require(error), at: "")
        }
        try "wrong".write(toFile: bench.stage.folder.file("wrong"), atomically: true, encoding: .utf8)
        let wrong = try await failure(["password": ["fromFile": .string(bench.stage.folder.file("wrong"))]])
        #expect(wrong.found.contains("password authentication failed"))
        #expect(wrong.advice.contains("password"))
        #expect(wrong.retry == .permanent)
        let missing = try await failure(["programs": "/nowhere"])
        #expect(missing.kind == .programMissing)
        #expect(missing.found + missing.expected != "" && missing.advice.contains("install"))
        let unknown = try await failure(["database": "no such"])
        #expect(unknown.found.contains("orders"))
        let gone = try await failure(["port": 6543])
        #expect(gone.retry == .transient)
        // A dump that breaks off is no copy.
        try await bench.server.execute("REVOKE pg_read_all_data FROM backup")
        let denied = try await failure(["database": "orders"])
        #expect(denied.kind == .commandFailed)
        #expect(denied.found.contains("permission denied"))
        #expect(try await bench.stage.store("vault").snapshots().isEmpty)
        for error in [wrong, missing, unknown, gone, denied] { #expect(!"\(error)".contains("least privilege")) }
    }

    @Test func databasesAndTheClusterAreDiscovered() async throws {
        let bench = try await PostgreSQLBench()
        defer { bench.server.stop() }
        try bench.declare("db")
        let (system, context) = try await bench.stage.open("db", as: (any Discovering).self)
        let found = try await system.discover(context.system())
        let cluster = "postgresql:\(bench.server.socketFolder):5432"
        #expect(found.map(\.identity) == [cluster, "\(cluster)/orders", "\(cluster)/postgres"])
        #expect(found[0].summary.contains("data checksums on"))
    }
}

extension [UInt8] {
    fileprivate func ends(with end: some Collection<UInt8>) -> Bool { suffix(end.count).elementsEqual(end) }
}
