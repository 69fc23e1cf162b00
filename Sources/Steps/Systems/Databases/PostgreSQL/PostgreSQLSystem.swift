import Basics
import PostgreSQL
import StepKit
import StorageKit

/// An opened server. Nothing is connected until something is asked of it.
struct PostgreSQLSystem: System {
    let settings: Settings
    let method: PostgreSQLMethod
    /// The one database that the document names.
    let database: String?
    let server: PostgreSQLServer
    /// Without the type's name.
    let identity: String
    let sessions: BackupSessions

    /// `/postgresql/<identity>`; a slash in the identity would make folders of it.
    var logicalPath: TreePath { TreePath([FileName("postgresql"), FileName(identity.replacing("/", with: "_"))]) }
}

extension PostgreSQLSystem: TreeSource {
    func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        switch method {
        case .base:
            let stream = BaseBackup(
                connection: server.connection(), checkpoint: try settings.value(PostgreSQLType.checkpoint), key: context.key,
                logicalPath: logicalPath, log: { context.recorder.log($0, $1) })
            return try await withTaskCancellationHandler {
                try await body(stream)
            } onCancel: {
                stream.stop()
            }
        case .dump:
            let tree = DumpTree(try await dumps(context), logicalPath: logicalPath) { context.recorder.log(.warning, $0) }
            return try await tree.lend(to: body)
        }
    }

    /// The dumps that make up a copy.
    private func dumps(_ context: StepContext) async throws -> [DumpFile: ProgramCall] {
        let excluded = try settings.value(PostgreSQLType.excludeDatabases)
        let found = try await ServerCatalog(server).databases()
        var chosen = found.filter { !excluded.containsExactly($0.name) }
        if let database {
            chosen = found.filter { $0.name.isExactly(database) }
            guard !chosen.isEmpty else {
                throw StepError(
                    .noSuchDatabase, expected: "database \(database)", found: found.map(\.name).sorted().joined(separator: ", "),
                    at: settings.origin,
                    advice: "correct `database`, or create it")
            }
        }
        var calls: [DumpFile: ProgramCall] = [:]
        let damage = DamageSettings(server: server)
        for database in chosen {
            // The repository compresses; compressed here, nothing would deduplicate. In its own encoding: what SQL_ASCII holds can't be converted.
            calls[.database(database.name)] = try server.call(
                "pg_dump", ["--format=custom", "--compress=0", "--no-password", "--encoding=\(database.encoding)"],
                database: database.name, session: try await damage.strict(database.name), context)
        }
        if database == nil {
            var arguments = ["--globals-only", "--no-password", "--database=\(PostgreSQLServer.maintenanceDatabase)"]
            if try !settings.value(PostgreSQLType.rolePasswords) { arguments.append("--no-role-passwords") }
            let session = try await damage.strict(PostgreSQLServer.maintenanceDatabase)
            calls[.globals] = try server.call("pg_dumpall", arguments, session: session, context)
        }
        return calls
    }
}

extension PostgreSQLSystem: TellingDestination {
    func withTellingWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> (Result, outputs: [String: JSONValue]) {
        switch method {
        case .base:
            let target = try DataFolder(settings, key: context.key)
            return (try await target.withWriter(overwrite: overwrite, body), [:])
        case .dump:
            let spool = DumpSpool(folder: context.scratchFolder)
            let result = try await body(spool)
            let restore = DumpRestore(
                server: server, database: database, overwrite: overwrite,
                globals: GlobalsPolicy(rawValue: try settings.value(PostgreSQLType.globals)) ?? .none,
                ownership: DumpOwnership(rawValue: try settings.value(PostgreSQLType.ownership)) ?? .kept,
                isTrusted: try settings.value(PostgreSQLType.trustDumps), context: context)
            return (result, try await restore.run(spool.arrived))
        }
    }

    func isEmpty(_ context: StepContext) async throws -> Bool? {
        switch method {
        case .base: try DataFolder(settings, key: context.key).isEmpty
        // Each dump asks about its own database.
        case .dump: false
        }
    }
}

extension PostgreSQLSystem: Discovering {
    func discover(_ context: SystemContext) async throws -> [DiscoveredItem] {
        let catalog = ServerCatalog(server)
        let databases = try await catalog.databases()
        let cluster = "postgresql:\(server.place)"
        return [DiscoveredItem(identity: cluster, summary: try await catalog.summary())]
            + databases.map { DiscoveredItem(identity: "\(cluster)/\($0.name)", summary: "database \($0.name), \($0.sizeText)") }
    }
}
