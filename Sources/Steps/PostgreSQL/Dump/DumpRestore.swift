import FlowModel
import PostgreSQL
import StepKit

/// Brings dumps back into a running server.
struct DumpRestore: Sendable {
    let server: PostgreSQLServer
    /// The database that receives the one dump, whatever it was called.
    let database: String?
    let overwrite: Bool
    let context: StepContext
    /// True on a server that is thrown away: tablespaces, whose folders are not there, are left out.
    var isScratch = false

    /// Restores every dump, the roles first.
    func run(_ arrived: [DumpFile: SpooledDump]) async throws {
        let dumps = arrived.filter { $0.key != .globals }
        if let database, dumps.count > 1 {
            throw StepError(
                .invalidSetting, expected: "one dump for database \(database)", found: "\(dumps.count)", at: server.origin,
                advice: "take `database` away to restore each under its own name, or choose one with `paths`")
        }
        let order = arrived.sorted { ($0.key == .globals ? 0 : 1, $0.key.name) < ($1.key == .globals ? 0 : 1, $1.key.name) }
        for (file, spool) in order {
            try Task.checkCancellation()
            try context.recorder.ensureHeld()
            switch file {
            // A single database is brought into a server that has its roles.
            case .globals: if database == nil { try await restoreGlobals(spool) }
            case .database(let name): try await restore(spool, of: name)
            }
        }
    }

    /// Roles and tablespaces that are there already stay as they are.
    private func restoreGlobals(_ spool: SpooledDump) async throws {
        let connection = try await server.connect()
        func names(_ query: ServerQuery) async throws -> Set<String> {
            Set(try await connection.query(query.text).map { try $0.get("name", as: String.self) })
        }
        let script = GlobalsScript(
            existingRoles: try await names(.roleNames), existingTablespaces: isScratch ? nil : try await names(.tablespaceNames))
        let call = try server.call(
            "psql", ["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--file=-"],
            database: PostgreSQLServer.maintenanceDatabase, context)
        let result = try await CommandRunner(call).run(input: script.cut(try spool.bytes()))
        guard result.ending == .exited(0) else {
            throw StepError(
                .commandFailed, expected: "every role and tablespace to be made",
                found: result.errors.split(separator: "\n").suffix(3).joined(separator: " | "), at: server.origin,
                advice: "restore as a superuser, or leave globals.sql out with `paths`")
        }
        context.recorder.log(.info, "roles and tablespaces are there")
    }

    private func restore(_ spool: SpooledDump, of name: String) async throws {
        let target = database ?? name
        let before = try await identity(of: target)
        let exists = before != nil
        if exists, !overwrite, try await holdsSomething(target) { throw existing(target) }
        var arguments = ["--exit-on-error", "--no-password"]
        if isScratch { arguments.append("--no-tablespaces") }
        if exists { arguments += ["--clean", "--if-exists"] }
        if database == nil {
            // It is made anew from another one.
            let other = name == PostgreSQLServer.maintenanceDatabase ? "template1" : PostgreSQLServer.maintenanceDatabase
            arguments += ["--create", "--dbname=\(other)"]
        } else {
            if !exists { try await create(target) }
            arguments += ["--single-transaction", "--dbname=\(Self.conninfo(target))"]
        }
        let call = try server.call("pg_restore", arguments, context)
        do {
            try await CommandRunner(call).run(input: spool.rewound()).require(of: call)
        } catch {
            // Half a database is no help to anybody; one that was there before and is untouched stays.
            if let now = try? await identity(of: target), now != before { try? await drop(target) }
            throw error
        }
        context.recorder.log(.info, "restored database \(target)")
    }

    private func holdsSomething(_ database: String) async throws -> Bool {
        try await server.connect(to: database).query(ServerQuery.databaseState.text).first?.get("holds_something") ?? false
    }

    /// Its oid, by which a database made anew is told from the one before; nil where there is none.
    private func identity(of database: String) async throws -> Int64? {
        try await server.connect().query(ServerQuery.databaseIdentity.text, [.text(database)]).first?.get("oid")
    }

    private func existing(_ database: String) -> StepError {
        StepError(
            "exists", expected: "no database \(database) yet, or an empty one", found: "one is there",
            at: server.place, advice: "choose another `database`, or declare `overwrite: true` to replace it")
    }

    /// A name never stands in for a connection string.
    static func conninfo(_ database: String) -> String {
        "dbname='" + database.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }

    private func create(_ database: String) async throws {
        try await server.connect().execute(script: "CREATE DATABASE \(Self.quoted(database)) TEMPLATE template0")
    }

    private func drop(_ database: String) async throws {
        // Not a child of a cancelled task.
        try await Task.detached { [server] in
            try await server.connect().execute(script: "DROP DATABASE IF EXISTS \(Self.quoted(database)) WITH (FORCE)")
        }.value
    }

    /// An identifier; statements that make or drop a database take no parameters.
    private static func quoted(_ name: String) -> String { "\"" + name.replacing("\"", with: "\"\"") + "\"" }
}
