import Basics
import FlowModel
import Foundation
import PostgreSQL
import Rigs
import StepKit
import Testing

/// A server with a database `orders` and a role `backup` that has the rights that docs/systems/postgresql.md names, and no more.
final class PostgreSQLBench: Sendable {
    let server: PostgreSQLServerRig
    let stage: StepStage

    /// As `PostgreSQLServerRig.start`.
    init(configuration: [String] = [], initdb: [String] = [], superuser: String = "postgres") async throws {
        server = try await PostgreSQLServerRig.start(configuration: configuration, initdb: initdb, superuser: superuser)
        stage = try StepStage()
        stage.declare(repository: "vault")
        // Where a server that is checked can reach it.
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: stage.folder.path)
        try "least privilege".write(toFile: stage.folder.file("db-password"), atomically: true, encoding: .utf8)
        try await server.execute(Self.role)
        try await server.execute("CREATE DATABASE orders")
        try await server.execute(
            "CREATE TABLE orders (id int PRIMARY KEY, item text); INSERT INTO orders SELECT n, md5(n::text) FROM generate_series(1, 5000) n",
            database: "orders")
    }

    /// As docs/systems/postgresql.md says it.
    private static let role = """
        CREATE ROLE backup LOGIN REPLICATION PASSWORD 'least privilege';
        GRANT pg_read_all_data, pg_read_all_settings TO backup;
        GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean), pg_backup_stop(boolean) TO backup;
        """

    /// The settings of a system on the server, as the least privileged role.
    func settings(_ more: [String: JSONValue] = [:]) -> [String: JSONValue] {
        let common: [String: JSONValue] = [
            "host": .string(server.socketFolder), "user": "backup", "password": ["fromFile": .string(stage.folder.file("db-password"))],
        ]
        return common.merging(more) { _, new in new }
    }

    func declare(_ name: String, _ more: [String: JSONValue] = [:]) throws {
        try stage.declare(system: name, "postgresql", settings(more))
    }

    /// A window over the server and folders: each a system, snapshotted by copying aside.
    func declareWindow(_ folders: [String: String]) throws {
        try declare("db")
        for (name, path) in folders {
            try stage.declare(system: name, "directory", ["path": .string(path), "staging": "1GiB"])
        }
        let snapshots = folders.keys.sorted().flatMap { name in
            [
                PlannedStep(id: StepID("snapshot-\(name)"), verb: "snapshot", subject: .systems([name]), window: "w"),
                PlannedStep(id: StepID("release-\(name)"), verb: "release", subject: .systems([name]), undoes: StepID("snapshot-\(name)")),
                PlannedStep(
                    id: StepID("copy-\(name)"), verb: "copy", subject: .systems([name]), snapshots: [name: StepID("snapshot-\(name)")]),
            ]
        }
        stage.plan(
            steps: [
                PlannedStep(id: "quiesce-db", verb: "quiesce", subject: .systems(["db"]), window: "w", undoneBy: "thaw-db"),
                PlannedStep(id: "thaw-db", verb: "thaw", subject: .systems(["db"]), window: "w", undoes: "quiesce-db"),
            ] + snapshots)
    }

    /// Opens the window, runs `meanwhile` in it, takes the snapshots, and closes it.
    func window(_ folders: [String], _ meanwhile: () async throws -> Void = {}) async throws {
        try await stage.run("quiesce", id: "quiesce-db", .systems(["db"]))
        try await meanwhile()
        for name in folders { try await stage.run("snapshot", id: StepID("snapshot-\(name)"), .systems([name])) }
        let thawed = try await stage.undo("quiesce", id: "quiesce-db", .systems(["db"]), as: "thaw-db")
        if let failure = thawed.failure { throw failure }
    }

    @discardableResult
    func copy(_ name: String) async throws -> StepResult {
        try await stage.run(
            "copy", id: StepID("copy-\(name)"), .systems([name]), ["to": "vault"], snapshots: [name: StepID("snapshot-\(name)")])
    }

    func verify(_ name: String, _ check: [String: JSONValue], id: StepID = "verify-copy") async throws -> StepResult {
        try await stage.run("verify", id: id, .step(StepID("copy-\(name)")), ["restore": ["checks": [.object(check)]]])
    }

    /// What tells one state of the database from another.
    static func fingerprint(of server: PostgreSQLServerRig, database: String = "orders") async throws -> String? {
        try await server.value("SELECT count(*) || md5(string_agg(item, ',' ORDER BY id)) AS value FROM orders", database: database)
    }
}

extension PostgreSQLBench {
    /// A table of a tablespace outside of the data folder.
    func withTablespace() async throws {
        let place = server.folder + "/apart"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        if let user = try ServerUser.current() { chown(place, user.userID, user.groupID) }
        try await server.execute("CREATE TABLESPACE apart LOCATION '\(place)'")
        try await server.execute(
            "CREATE TABLE apart (n int) TABLESPACE apart; INSERT INTO apart SELECT generate_series(1, 100)", database: "orders")
    }

    func firstTablespaceLink(in data: String) -> String? {
        (try? FileManager.default.contentsOfDirectory(atPath: data + "/pg_tblspc"))?.first.map { "\(data)/pg_tblspc/\($0)" }
    }

    /// Lets the server's user into a folder that restic made for itself.
    func openToServer(_ folder: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
    }

    func flipBit(in path: String, at offset: UInt64) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: offset)
        let byte = try #require(try file.read(upToCount: 1)?.first)
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data([byte ^ 0x10]))
        try file.close()
    }

    /// Waits, for a bounded time, until a statement's `value` is `true`.
    func until(_ sql: String, database: String = "postgres") async throws {
        try await eventually(sql) { try await server.value(sql, database: database) == "true" }
    }
}
