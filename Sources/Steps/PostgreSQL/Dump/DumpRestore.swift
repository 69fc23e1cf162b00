import FlowModel
import PostgreSQL
import StepKit
import StorageKit

/// Brings dumps back into a running server.
struct DumpRestore: Sendable {
    let server: PostgreSQLServer
    /// The database that receives the one dump, whatever it was called.
    let database: String?
    let overwrite: Bool
    let globals: GlobalsPolicy
    let ownership: DumpOwnership
    /// True: what is in the dumps may run as a superuser.
    let isTrusted: Bool
    let context: StepContext

    private struct Dump {
        let name: String
        let spool: SpooledDump
        let archive: DumpArchive
        let definition: DatabaseDefinition?
    }

    /// Restores every dump, the roles first; nothing is made before all were looked at. Returns outputs of the step.
    func run(_ arrived: [DumpFile: SpooledDump]) async throws -> [String: JSONValue] {
        let dumps = try arrived.compactMap { try dump($0.key, $0.value) }.sorted { $0.name < $1.name }
        if let database, dumps.count > 1 {
            throw StepError(
                .invalidSetting, expected: "one dump for database \(database)", found: "\(dumps.count)", at: server.origin,
                advice: "take `database` away to restore each under its own name, or choose one with `paths`")
        }
        let shared = try arrived[.globals].flatMap { try globals(in: $0) }
        if !dumps.isEmpty, !isTrusted { try await RestorePowers(server: server).requireNone() }
        var outputs: [String: JSONValue] = [:]
        if let shared { outputs = try await restore(shared) }
        if ownership == .kept { try await requireOwners(of: dumps) }
        for dump in dumps {
            try Task.checkCancellation()
            try context.recorder.ensureHeld()
            try await restore(dump)
        }
        return outputs
    }

    private func dump(_ file: DumpFile, _ spool: SpooledDump) throws -> Dump? {
        guard case .database(let name) = file else { return nil }
        let archive = try DumpArchive(spool, origin: file.name.description)
        let definition = DatabaseDefinition(archive)
        // pg_restore goes by the name inside: another database would be dropped than was looked at.
        guard database != nil || definition?.name == name else {
            throw StepError(
                "other-database", expected: "a dump of database \(GlobalsPlan.shown(name))",
                found: definition.map { "one of \(GlobalsPlan.shown($0.name))" } ?? "one that does not say so as pg_dump does",
                at: file.name.description,
                advice: "look at the dump (restore it into a folder); with `database` it can go to one that you name")
        }
        return Dump(name: name, spool: spool, archive: archive, definition: definition)
    }

    /// Nil where none is to be restored.
    private func globals(in spool: SpooledDump) throws -> Globals? {
        guard globals == .none else { return try GlobalsScript.read(try spool.bytes(), origin: DumpFile.globals.name.description) }
        // A single database is brought into a server that has its roles.
        if database == nil { context.recorder.log(.info, "roles and tablespaces of the copy stay out; `globals` asks for them") }
        return nil
    }

    /// Roles and tablespaces that are there already stay as they are.
    private func restore(_ shared: Globals) async throws -> [String: JSONValue] {
        let plan = try await GlobalsRestore(server: server, policy: globals, recorder: context.recorder).run(shared)
        return [
            "granted": .array(plan.granted.map { .string($0) }), "withheld": .array((plan.withheld + plan.leftOut).map { .string($0) }),
        ]
    }

    /// Without them pg_restore would end halfway.
    private func requireOwners(of dumps: [Dump]) async throws {
        let known = try await Set(server.connect().query(ServerQuery.roleNames.text).map { try $0.get("name", as: String.self) })
        for dump in dumps {
            let missing = dump.archive.owners(withDatabase: database == nil).filter { !known.contains($0) }
            guard !missing.isEmpty else { continue }
            throw StepError(
                "no-such-role", expected: "the roles that own what is in database \(dump.name)",
                found: "none called \(missing.prefix(10).map(GlobalsPlan.shown).joined(separator: ", "))", at: server.place,
                advice:
                    "make them; or declare `globals: unprivileged` to have the copy's roles made, or `ownership: user` to own everything")
        }
    }

    private func restore(_ dump: Dump) async throws {
        let target = database ?? dump.name
        let before = try await identity(of: target)
        let exists = before != nil
        if exists, !overwrite, try await holdsSomething(target) { throw existing(target) }
        var arguments = ["--exit-on-error", "--no-password"]
        if ownership == .user { arguments += ["--no-owner", "--no-privileges"] }
        if database == nil, ownership == .kept {
            if exists { arguments += ["--clean", "--if-exists"] }
            arguments += ["--create", "--dbname=\(Self.conninfo(Self.other(than: dump.name)))"]
        } else {
            if database == nil, exists {
                try await drop(target)
            } else if exists {
                arguments += ["--clean", "--if-exists"]
            }
            // A new one is dropped where something goes wrong.
            if exists, database != nil { arguments.append("--single-transaction") } else { try await create(target, as: dump.definition) }
            arguments.append("--dbname=\(Self.conninfo(target))")
            // pg_restore gives them with `--create` alone.
            let missed = dump.archive.ofTheDatabase(withOwner: ownership == .kept)
            if !missed.isEmpty {
                let reason = database == nil ? "`ownership: user`" : "`database` names where it goes"
                context.recorder.log(
                    .warning,
                    "database \(target) is as new here; what the copied one had stays out (\(reason)): \(missed.joined(separator: ", "))")
            }
        }
        let call = try server.call("pg_restore", arguments, context)
        do {
            try await CommandRunner(call).run(input: dump.spool.rewound()).require(of: call)
        } catch {
            // Half a database is no help to anybody; one that was there before and is untouched stays.
            if let now = try? await identity(of: target), now != before { try? await drop(target) }
            throw Self.advised(error, about: dump)
        }
        context.recorder.log(.info, "restored database \(target)")
    }

    /// What is replaced in one transaction is locked until its end, object by object: thousands of tables or large objects need more than servers have.
    private static func advised(_ error: any Error, about dump: Dump) -> any Error {
        guard var error = error as? StepError, error.found.contains("out of shared memory") else { return error }
        error.advice =
            "raise max_locks_per_transaction on the server, for \(dump.archive.entries.count) objects are replaced in one transaction; or restore to a database that is not there yet, which needs none"
        return error
    }

    /// A database is made from another one.
    static func other(than database: String) -> String {
        database == PostgreSQLServer.maintenanceDatabase ? "template1" : PostgreSQLServer.maintenanceDatabase
    }

    private func holdsSomething(_ database: String) async throws -> Bool {
        try await server.connect(to: database).query(ServerQuery.databaseState.text).first?.get("holds_something") ?? false
    }

    /// Its oid, by which a database made anew is told from the one before; nil where there is none.
    private func identity(of database: String) async throws -> Int64? {
        try await server.connect(to: Self.other(than: database)).query(ServerQuery.databaseIdentity.text, [.text(database)]).first?.get(
            "oid")
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

    private func create(_ database: String, as definition: DatabaseDefinition?) async throws {
        let connection = try await server.connect(to: Self.other(than: database))
        try await connection.make(database: database, owner: nil, as: definition)
    }

    private func drop(_ database: String) async throws {
        // Not a child of a cancelled task.
        try await Task.detached { [server] in
            try await server.connect(to: Self.other(than: database)).drop(database: database)
        }.value
    }
}
