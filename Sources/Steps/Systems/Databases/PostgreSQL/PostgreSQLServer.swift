import Basics
import FlowModel
import PostgreSQL
import StepKit

/// Where a server is and who asks: for libpq, and for the client programs, which get it in their environment alone.
struct PostgreSQLServer: Sendable {
    let host: String
    let port: Int
    let user: String
    private let password: Secret?
    private let passwordReference: SecretReference?
    private let sslMode: String
    private let sslRootCertificate: String?
    private let programs: String?
    let origin: String

    init(_ settings: Settings, secrets: any SecretResolver) throws(StepError) {
        host = try settings.value(PostgreSQLType.host)
        port = try settings.value(PostgreSQLType.port)
        user = try settings.value(PostgreSQLType.user)
        passwordReference = try settings.optional(PostgreSQLType.password)
        password = if let passwordReference { try secrets.resolve(passwordReference) } else { nil }
        sslMode = try settings.optional(PostgreSQLType.sslMode) ?? ServerIdentity.defaultMode(host: host)
        sslRootCertificate = try settings.optional(PostgreSQLType.sslRootCertificate)
        programs = try settings.optional(PostgreSQLType.programs)
        origin = settings.origin
    }

    /// `db1:5432`
    var place: String { "\(host):\(port)" }

    /// What whoever declared it should hear, where the server need not prove who it is.
    var identityWarning: String? { ServerIdentity.warning(host: host, mode: sslMode) }

    /// The database that is asked about others.
    static let maintenanceDatabase = "postgres"

    /// The worker's own password file plays no part.
    private static let noFile = ConnectionSettings.noPasswordFile

    func connection(to database: String = maintenanceDatabase, name: String = "snappy-flow") -> ConnectionSettings {
        var keywords = ["host": host, "port": String(port), "user": user, "dbname": database, "sslmode": sslMode]
        keywords["password"] = password?.revealText()
        keywords["sslrootcert"] = sslRootCertificate
        keywords["passfile"] = Self.noFile
        // Sessions are found by it: the environment's PGAPPNAME must not stand in.
        keywords["application_name"] = name
        var settings = ConnectionSettings(keywords: keywords)
        settings.applicationName = name
        // A function of the server's own users never stands in for one of PostgreSQL's (CVE-2018-1058).
        settings.searchPath = "pg_catalog"
        return settings
    }

    func connect(to database: String = maintenanceDatabase) async throws -> Connection {
        try await Connection.connect(connection(to: database))
    }

    /// A client program. Nothing of the connection stands among its arguments: a process list shows neither user nor password.
    /// `session`: what its sessions set besides (`name=value`, without blanks).
    func call(
        _ program: String, _ arguments: [String], database: String? = nil, session: [String] = [], _ context: StepContext
    ) throws(StepError) -> ProgramCall {
        var environment: [String: EnvironmentValue] = [
            "PGHOST": .text(host), "PGPORT": .text(String(port)), "PGUSER": .text(user), "PGSSLMODE": .text(sslMode),
            "PGPASSFILE": .text(Self.noFile), "PGAPPNAME": .text("snappy-flow"), "PGCONNECT_TIMEOUT": .text("10"),
            "PGCLIENTENCODING": .text("UTF8"), "LC_ALL": .text("C.UTF-8"),
            "PGOPTIONS": .text(([SessionDefaults.programOptions] + session.map { "-c \($0)" }).joined(separator: " ")),
        ]
        if let database { environment["PGDATABASE"] = .text(database) }
        if let sslRootCertificate { environment["PGSSLROOTCERT"] = .text(sslRootCertificate) }
        if let passwordReference { environment["PGPASSWORD"] = .secret(passwordReference) }
        let path = programs.map { "\($0)/\(program)" } ?? program
        return try ProgramCall([path] + arguments, environment: environment, origin: origin, context)
    }

    /// The folder of the server's own programs, where the document names one.
    var declaredPrograms: String? { programs }
}
