import Basics
import FlowModel
import StepKit

/// The `postgresql` system type: the databases of a PostgreSQL server, as dumps or as a base backup of the whole cluster.
struct PostgreSQLType: SystemType {
    let name = "postgresql"
    let summary = "Databases of a PostgreSQL server, dumped one by one or copied as a whole cluster"
    let schema = SettingsSchema([
        host.field, port.field, user.field, password.field, database.field, sslMode.field, sslRootCertificate.field, method.field,
        excludeDatabases.field, rolePasswords.field, checkpoint.field, dataFolder.field, tablespaceFolder.field, programs.field,
        globals.field, ownership.field, trustDumps.field,
    ])
    /// A session in backup mode lives in one worker; what it holds on the server can be ended from anywhere.
    let scope = AcquisitionScope.global
    let checkSchema: SettingsSchema? = ScratchCheck.schema
    let defaultMaxHold = TimeSpan.seconds(300)
    /// The sessions in backup mode that this process holds.
    private let sessions = BackupSessions()

    static let host = Setting<String>(
        "host", "The server's name or address, or the folder of its Unix socket", default: "/var/run/postgresql")
    static let port = Setting<Int>("port", "The server's port", default: 5432, type: .integer(1...65535))
    static let user = Setting<String>("user", "The database user", default: "postgres")
    static let password = Setting<SecretReference>("password", "The user's password, if the server asks for one")
    static let database = Setting<String>(
        "database", "One database; by default, all of the server's. For restoring a dump: the database to restore into")
    static let sslMode = Setting<String>(
        "sslMode", "How TLS is used, in libpq's words; by default verify-full for a server on another machine, prefer on this one",
        type: .choice(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]))
    static let sslRootCertificate = Setting<String>(
        "sslRootCertificate", "The certificates that vouch for the server; by default ~/.postgresql/root.crt of the worker's user",
        type: .path)
    static let method = Setting<String>(
        "method", "How the server is copied: as dumps of databases, or as a base backup of the whole cluster",
        default: PostgreSQLMethod.dump.rawValue, type: .choice(PostgreSQLMethod.allCases.map(\.rawValue)))
    static let excludeDatabases = Setting<[String]>("excludeDatabases", "Databases to leave out of the dumps", default: [])
    static let rolePasswords = Setting<Bool>(
        "rolePasswords", "True to include the roles' password hashes in dumps, which only a superuser may read", default: false)
    static let checkpoint = Setting<String>(
        "checkpoint", "How the checkpoint at the start of a backup is made: at once, or spread over the server's usual time",
        default: "fast", type: .choice(["fast", "spread"]))
    static let dataFolder = Setting<String>(
        "dataFolder", "Where a base backup is restored; must be empty, with no server running on it", type: .path)
    static let tablespaceFolder = Setting<String>(
        "tablespaceFolder", "Where tablespaces are restored, each in its own folder; by default `<dataFolder>.tablespaces`", type: .path)
    static let programs = Setting<String>(
        "programs", "The folder with pg_dump, pg_dumpall and pg_restore; by default, PATH is searched", type: .path)

    static let globals = Setting<String>(
        "globals",
        "Which missing roles and tablespaces a restore of dumps makes: none, all without wide powers, or all as they were",
        default: GlobalsPolicy.none.rawValue,
        type: .choice(GlobalsPolicy.allCases.map(\.rawValue)))
    static let ownership = Setting<String>(
        "ownership", "Who owns restored objects: the roles that owned them (`kept`), or the user (`user`)",
        default: DumpOwnership.kept.rawValue,
        type: .choice(DumpOwnership.allCases.map(\.rawValue)))
    static let trustDumps = Setting<Bool>(
        "trustDumps", "True: what is in a dump may run as a superuser, on the server that it is restored to and on a scratch server",
        default: false)

    func identity(_ settings: Settings) throws(StepError) -> String {
        let server = "postgresql:\(try settings.value(Self.host)):\(try settings.value(Self.port))"
        return try settings.optional(Self.database).map { "\(server)/\($0)" } ?? server
    }

    /// A dump is its own programs' work; where they are not in the PATH the document says where.
    let needs = [Self.dumping("pg_dump")]

    func needs(with settings: Settings) throws(StepError) -> [MachineNeed] {
        guard try settings.value(Self.method) != PostgreSQLMethod.base.rawValue else { return [] }
        return try settings.optional(Self.programs).map { [Self.dumping("\($0)/pg_dump")] } ?? needs
    }

    private static func dumping(_ program: String) -> MachineNeed {
        .program(program, package: "postgresql-client").only(for: [.treeSource])
    }

    func open(_ settings: Settings, _ context: SystemContext) async throws -> PostgreSQLSystem {
        let method = PostgreSQLMethod(rawValue: try settings.value(Self.method)) ?? .dump
        let database = try settings.optional(Self.database)
        if method == .base, let database {
            throw StepError(
                .invalidSetting, expected: "no `database` beside `method: base`", found: database, at: settings.origin,
                advice: "a base backup is of the whole cluster; remove `database`, or choose `method: dump`")
        }
        if let database, try settings.value(Self.globals) != GlobalsPolicy.none.rawValue {
            throw StepError(
                .invalidSetting, expected: "no `globals` beside `database`", found: database, at: settings.origin,
                advice: "roles and tablespaces are the whole server's; remove one of the two")
        }
        let server = try PostgreSQLServer(settings, secrets: context.secrets)
        if let warning = server.identityWarning { context.log(.warning, warning) }
        return PostgreSQLSystem(
            settings: settings, method: method, database: database, server: server,
            identity: try identity(settings, context), sessions: sessions)
    }

    /// What the document calls it, or what its settings say. Without the type's name.
    private func identity(_ settings: Settings, _ context: SystemContext) throws(StepError) -> String {
        let identity = if let declared = context.declaredIdentity { declared } else { try identity(settings) }
        return identity.hasPrefix("postgresql:") ? String(identity.dropFirst("postgresql:".count)) : identity
    }
}

/// What a copy of a server is.
enum PostgreSQLMethod: String, CaseIterable, Sendable {
    /// One pg_dump archive a database, and the roles.
    case dump
    /// The files of the cluster with the WAL that makes them consistent.
    case base
}
