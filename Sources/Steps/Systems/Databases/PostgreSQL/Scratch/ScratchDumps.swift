import Basics
import Foundation
import PostgreSQL
import StepKit
import StorageKit

/// Brings dumps into a scratch server. What is in a dump runs as whoever restores it, and a superuser runs programs on the host: the one who
/// restores here owns the new databases and may do nothing else. What only a superuser can make is made by statements of ours, left out, or, where
/// neither goes, a reason to fail.
struct ScratchDumps: Sendable {
    let scratch: ScratchServer
    /// True: a superuser restores.
    let isTrusted: Bool
    let context: StepContext

    static let superuser = "postgres"
    private static let restorer = "snappy_flow"
    /// Who restores the dumps, and asks them afterwards.
    var role: String { isTrusted ? Self.superuser : Self.restorer }

    func restore(_ dumps: [DumpFile: SpooledDump]) async throws {
        let session = try await Connection.connect(scratch.superuserSettings(Self.superuser))
        if !isTrusted { try await session.make(role: Self.restorer, "LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB") }
        for (file, spool) in dumps.sorted(by: { $0.key.name < $1.key.name }) {
            try Task.checkCancellation()
            try context.recorder.ensureHeld()
            switch file {
            case .globals:
                // It has roles that dumps speak of; the scratch server makes those up as it needs them.
                let globals: Globals
                do {
                    globals = try GlobalsScript.read(try spool.bytes(), origin: file.name.description)
                } catch var error as StepError {
                    // Nothing could be restored from it.
                    error.kind = .verification
                    throw error
                }
                context.recorder.log(
                    .info,
                    "\(file.name) holds \(globals.roles.count.counted("role")) and \(globals.tablespaces.count.counted("tablespace"))")
            case .database(let name): try await restore(spool, as: name, DumpArchive(spool, origin: file.name.description))
            }
        }
    }

    private func restore(_ spool: SpooledDump, as name: String, _ archive: DumpArchive) async throws {
        try await prepare(name, archive)
        let list = "\(context.scratchFolder)/restored.list"
        let kept = isTrusted ? archive.entries : archive.entries.filter { !$0.needsSuperuser }
        // Others may read it: the program runs as the server's user.
        try kept.map { "\($0.id);\n" }.joined().write(toFile: list, atomically: true, encoding: .utf8)
        let words = [
            scratch.binaries.program("pg_restore"), "--exit-on-error", "--no-password", "--no-owner", "--no-privileges", "--no-tablespaces",
            "--no-security-labels", "--use-list=\(list)", "--host=\(scratch.sockets)", "--port=\(ScratchServer.port)", "--username=\(role)",
            "--dbname=\(DumpRestore.conninfo(name))",
        ]
        let call = try scratch.program(words, session: ScratchSession.settings(major: scratch.binaries.major))
        let result = try await CommandRunner(call).run(input: spool.rewound())
        if result.ending != .exited(0) { throw failure(name, result) }
        let left = archive.entries.filter(\.isLeftOutOfTrials)
        if !isTrusted, !left.isEmpty {
            context.recorder.log(
                .info,
                "only a superuser makes them, left out of the trial of \(name): "
                    + left.prefix(10).map { "\($0.kind.lowercased()) \($0.tag.map(GlobalsPlan.shown) ?? "?")" }.joined(separator: ", "))
        }
        context.recorder.log(.info, "restored database \(name)")
    }

    /// An empty database, with the extensions of the dumped one, and the roles that its policies name.
    private func prepare(_ name: String, _ archive: DumpArchive) async throws {
        let session = try await Connection.connect(
            scratch.superuserSettings(Self.superuser, database: DumpRestore.other(than: name)))
        let definition = DatabaseDefinition(archive)
        do {
            try await session.drop(database: name)
            try await session.make(database: name, owner: role, as: definition)
        } catch let error as PostgreSQLError where error.sqlState != nil {
            throw unable("database \(name) to be made with \(definition?.options.description ?? "no options")", error)
        }
        let inside = try await Connection.connect(scratch.superuserSettings(Self.superuser, database: name))
        // In here, where their names have the bytes that the archive has.
        let known = try await inside.query(ServerQuery.roleNames.text).map { try $0.get("name", as: String.self) }.exact
        for role in archive.roles.subtracting(known).sorted() { try await inside.make(role: role.text, "NOLOGIN") }
        guard !isTrusted else { return }
        for schema in archive.schemas { try await inside.make(.schemaStatement, [.text(schema), .text(role)]) }
        for (name, schema) in archive.extensions {
            do {
                try await inside.make(.extensionStatement, [.text(name), .text(schema)])
            } catch let error as PostgreSQLError where error.sqlState != nil {
                throw unable("extension \(GlobalsPlan.shown(name)) to be made", error)
            }
        }
        try await inside.make(.extensionGrants, [.text(role)])
        try await inside.make(.schemaGrant, [.text(role)])
    }

    /// The worker's host lacks something: that says nothing of the copy.
    private func unable(_ expected: String, _ error: PostgreSQLError) -> StepError {
        StepError(
            .failed, expected: expected, found: error.found, at: scratch.origin,
            advice: "install on the worker's host what the copied server has: extensions and locales that its databases ask for",
            retry: error.retry)
    }

    private func failure(_ database: String, _ result: ProgramResult) -> StepError {
        let words = result.errors.split(separator: "\n").suffix(5).joined(separator: " | ")
        let isDenied = ["permission denied", "must be superuser", "Must be superuser", "must be owner"].contains { words.contains($0) }
        return StepError(
            .verification, expected: "every dump to be restorable: database \(database)",
            found: "pg_restore: \(result.ending)" + (words.isEmpty ? "" : ": \(words)"), at: scratch.origin,
            advice: isDenied && !isTrusted
                ? "it holds what only a superuser makes; where whoever administers the copied server may run programs on the worker's host, "
                    + "declare `trustDumps: true` on the system"
                : "a copy that can't be restored is no backup: look at the source, and at older copies")
    }
}

extension Connection {
    fileprivate func make(role: String, _ attributes: String) async throws {
        try await make(.roleStatements, [.text(role), .text(attributes), .null, .null, .null, .null])
    }
}
