import Foundation
import Glibc
import PostgreSQL
import Rigs

/// The built program beside a private server with a database `orders` and a role that has the rights that docs/systems/postgresql.md names.
final class ServerStage: Sendable {
    let rig: FlowRig
    let server: PostgreSQLServerRig

    /// `data`: an empty folder for the cluster; one of its own by default.
    init(_ name: String, data: String? = nil) async throws {
        server = try await PostgreSQLServerRig.start(data: data)
        try await server.execute(
            """
            CREATE ROLE backup LOGIN REPLICATION PASSWORD 'secret of the database';
            GRANT pg_read_all_data, pg_read_all_settings TO backup;
            GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean), pg_backup_stop(boolean) TO backup;
            """)
        try await server.execute("CREATE DATABASE orders")
        try await server.execute(
            "CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS item FROM generate_series(1, 20000) n", database: "orders")
        rig = try FlowRig("postgresql-\(name)")
        // A scratch server's user has to pass.
        for folder in [rig.folder, rig.path("cache")] { chmod(folder, 0o755) }
        try rig.write("etc/snappy-flow/vault.pw", "correct horse battery staple\n")
        try rig.write("etc/snappy-flow/postgresql.pw", "secret of the database\n")
    }

    func close() {
        rig.close()
        server.stop()
    }

    var password: String { rig.path("etc/snappy-flow/postgresql.pw") }

    /// A shipped pipeline with its places moved.
    func place(_ name: String) throws -> String {
        let text = try String(contentsOfFile: "\(FlowRig.packageRoot)/pipelines/\(name).yaml", encoding: .utf8)
            .replacing("/var/run/postgresql", with: server.socketFolder).replacing("/var/lib/postgresql/15/main", with: server.data)
        return try rig.place(try rig.write("shipped/\(name).yaml", text))
    }

    /// A pipeline of its own on the same repository. Further systems and steps are indented by two.
    func recovery(_ systems: String, _ steps: String) throws -> String {
        let number = UInt16.random(in: 0 ... .max)
        return try rig.write(
            "own-\(number).yaml",
            """
            name: own-\(number)
            repositories:
              vault: {type: local, path: \(rig.path("backup/vault")), password: {fromFile: \(rig.path("etc/snappy-flow/vault.pw"))}}
            systems:
              \(systems)
            steps:
              \(steps)
            """)
    }

    /// A base backup that a scratch server proves.
    func scratchDocument(asking sql: String) throws -> String {
        try recovery(
            "cluster: {type: postgresql, host: \(server.socketFolder), user: backup, password: {fromFile: \(password)}, method: base}",
            """
            - {copy: cluster, to: vault}
              - {verify: copy, restore: {checks: [{queries: [{database: orders, sql: "\(sql)"}]}]}}
            """)
    }

    static let fingerprintQuery = "SELECT count(*) || md5(string_agg(item, ',' ORDER BY id)) AS value FROM orders"

    func fingerprint() async throws -> String? { try await server.value(Self.fingerprintQuery, database: "orders") }

    /// A shell command as the server's user.
    func asServer(_ command: String) throws -> String {
        (try ServerUser.current()?.command([]).joined(separator: " ")).map { "\($0) \(command)" } ?? command
    }

    /// Runs the program as an unprivileged user, to whom everything of the rig is given; as ourselves where we are no root.
    func asNobody(_ arguments: [String]) throws -> FlowOutcome {
        guard geteuid() == 0, let nobody = getpwnam("nobody")?.pointee else { return try rig.run(arguments) }
        lchown(rig.folder, nobody.pw_uid, nobody.pw_gid)
        for case let name as String in FileManager.default.enumerator(atPath: rig.folder) ?? .init() {
            lchown(rig.path(name), nobody.pw_uid, nobody.pw_gid)
        }
        let through = ["/usr/bin/setpriv", "--reuid", "\(nobody.pw_uid)", "--regid", "\(nobody.pw_gid)", "--clear-groups", "--"]
        return try rig.start(arguments, environment: ["HOME": rig.folder], through: through).wait()
    }

    /// The processes of servers whose data lies below a folder.
    static func servers(below folder: String) -> [String] {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.filter { pid in
            guard Int(pid) != nil, let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd") else {
                return false
            }
            return place.hasPrefix(folder + "/")
        }
    }
}
