import Basics
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
                advice: "remove `database` to restore each under its own name, or choose one with `paths`")
        }
        let shared = try arrived[.globals].flatMap { try globals(in: $0) }
        if !dumps.isEmpty, !isTrusted { try await RestorePowers(server: server).requireNone() }
        var outputs: [String: JSONValue] = [:]
        if let shared { outputs = try await restore(shared) }
        let roles = try await server.connect().query(ServerQuery.roleNames.text).map { try $0.get("name", as: String.self) }.exact
        if ownership == .kept { try requireOwners(of: dumps, among: roles) }
        var left: [String] = []
        for dump in dumps {
            try Task.checkCancellation()
            try context.recorder.ensureHeld()
            left += try await restore(dump, roles)
        }
        if !left.isEmpty { outputs["withheld"] = .array((outputs["withheld"]?.arrayValue ?? []) + left.map { .string($0) }) }
        return outputs
    }

    private func dump(_ file: DumpFile, _ spool: SpooledDump) throws -> Dump? {
        guard case .database(let name) = file else { return nil }
        let archive = try DumpArchive(spool, origin: file.name.description)
        let definition = DatabaseDefinition(archive)
        // pg_restore goes by the name inside: another database would be dropped than was looked at.
        guard database != nil || definition?.name.isExactly(name) == true else {
            throw StepError(
                .otherDatabase, expected: "a dump of database \(GlobalsPlan.shown(name))",
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
    private func requireOwners(of dumps: [Dump], among known: Set<ExactText>) throws {
        for dump in dumps {
            let missing = dump.archive.owners.filter { !known.contains(ExactText($0)) }
            guard !missing.isEmpty else { continue }
            throw StepError(
                .noSuchRole, expected: "the roles that own database \(dump.name) and what is in it",
                found: "none called \(missing.prefix(10).map(GlobalsPlan.shown).joined(separator: ", "))", at: server.place,
                advice:
                    "make them; or declare `globals: unprivileged` to have the copy's roles made, or `ownership: user` to own everything")
        }
    }

    /// Returns what the database could not get of what the copied one had, for people.
    private func restore(_ dump: Dump, _ roles: Set<ExactText>) async throws -> [String] {
        let target = database ?? dump.name
        let place = DatabasePlace(server: server, name: target, key: context.key)
        let exists = try await place.isTaken()
        if exists, !overwrite, try await place.holdsSomething() { throw existing(target) }
        let name = dump.definition?.name ?? dump.name
        let properties = DatabaseProperties(dump.archive, name: name)
        let (owner, found) = try await place.make(owner: ownership == .kept ? properties.owner : nil, as: dump.definition)
        var left = found
        do {
            var arguments = ["--exit-on-error", "--no-password"]
            if ownership == .user { arguments += ["--no-owner", "--no-privileges"] }
            // Not `--create`: what the archive says of the database itself is text of the copied server, which we read.
            let call = try server.call("pg_restore", arguments + ["--dbname=\(Self.conninfo(place.beside))"], context)
            try await CommandRunner(call).run(input: dump.spool.rewound()).require(of: call)
            try Task.checkCancellation()
            try context.recorder.ensureHeld()
            let gift = DatabaseGift(properties: properties, isKept: ownership == .kept, owner: owner, roles: roles)
            let (missed, remains) = try await place.take(replacing: exists, gift)
            left += missed
            if let remains { context.recorder.log(.warning, remains) }
        } catch {
            // Half a database is no help to anybody.
            try? await place.clear()
            throw Self.advised(error, about: dump)
        }
        if ownership == .user {
            let meant = properties.owner.map { "its owner \(GlobalsPlan.shown($0)) and privileges" } ?? "privileges"
            context.recorder.log(.info, "database \(target) is user \(server.user)'s: \(meant) stay out, as `ownership: user` says")
        }
        let whole = left.map { "database \(GlobalsPlan.shown(target)): \($0)" }
        for line in whole.prefix(Self.logLimit) { context.recorder.log(.warning, "left out: \(line)") }
        context.recorder.log(.info, "restored database \(target)")
        return whole
    }

    private static let logLimit = 100

    /// Partitioned tables and the like are locked object by object within one statement.
    private static func advised(_ error: any Error, about dump: Dump) -> any Error {
        guard var error = error as? StepError, error.found.contains("out of shared memory") else { return error }
        error.advice = "raise max_locks_per_transaction on the server; \(dump.archive.entries.count.counted("object")) are restored"
        return error
    }

    /// A database is made from another one.
    static func other(than database: String) -> String {
        database.isExactly(PostgreSQLServer.maintenanceDatabase) ? "template1" : PostgreSQLServer.maintenanceDatabase
    }

    private func existing(_ database: String) -> StepError {
        StepError(
            .exists, expected: "no database \(database) yet, or an empty one", found: "one is there",
            at: server.place, advice: "choose another `database`, or declare `overwrite: true` to replace it")
    }

    /// A name never stands in for a connection string.
    static func conninfo(_ database: String) -> String {
        "dbname='" + database.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }
}
