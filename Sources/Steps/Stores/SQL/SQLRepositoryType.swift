import Basics
import FlowModel
import PostgreSQL
import StepKit
import StorageKit

/// The `sql` repository type: a PostgreSQL database, for sites that have nothing else.
struct SQLRepositoryType: RepositoryType {
    let name = "sql"
    let summary = "Two tables of a PostgreSQL database, for sites that have nothing else"
    let schema = SettingsSchema([
        host.field, port.field, user.field, userPassword.field, database.field, repository.field, sslMode.field, sslRootCertificate.field,
        connections.field, timeout.field,
    ])

    static let host = Setting<String>(
        "host", "The server's name or address, or the folder of its Unix socket", default: "/var/run/postgresql")
    static let port = Setting<Int>("port", "The server's port", default: 5432, type: .integer(1...65535))
    static let user = Setting<String>.required("user", "The database user")
    static let userPassword = Setting<SecretReference>("userPassword", "The user's password; the repository's own is `password`")
    static let database = Setting<String>.required("database", "The database, which must exist")
    static let repository = Setting<String>("name", "The repository's name within the database", default: "default")
    static let sslMode = Setting<String>(
        "sslMode", "How TLS is used, in libpq's words; by default verify-full for a server on another machine, prefer on this one",
        type: .choice(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]))
    static let sslRootCertificate = Setting<String>(
        "sslRootCertificate", "The certificates that vouch for the server; by default ~/.postgresql/root.crt of the worker's user",
        type: .path)
    static let connections = Setting<Int>("connections", "Maximum connections to the server", default: 4, type: .integer(1...32))
    static let timeout = Setting<TimeSpan>("timeout", "Timeout for an answer of the server", default: .seconds(60))

    func identity(_ settings: Settings) throws(StepError) -> String {
        let name = try settings.value(Self.repository)
        guard !name.isEmpty, name.utf8.count <= 200 else {
            throw StepError(.invalidSetting, expected: "a name of 1 to 200 bytes", found: "\"\(name)\"", at: settings.origin)
        }
        return "sql:\(try settings.value(Self.host)):\(try settings.value(Self.port))/\(try settings.value(Self.database))/\(name)"
    }

    private func mode(_ settings: Settings) throws(StepError) -> String {
        if let mode = try settings.optional(Self.sslMode) { return mode }
        return ServerIdentity.defaultMode(host: try settings.value(Self.host))
    }

    func warning(_ settings: Settings) throws(StepError) -> String? {
        ServerIdentity.warning(host: try settings.value(Self.host), mode: try mode(settings))
    }

    func open(_ settings: Settings, _ context: StoreContext) async throws -> any ObjectStore {
        var keywords = [
            "host": try settings.value(Self.host), "port": String(try settings.value(Self.port)), "user": try settings.value(Self.user),
            "dbname": try settings.value(Self.database), "sslmode": try mode(settings),
            // The worker's own password file plays no part.
            "passfile": "/nonexistent/pgpass",
        ]
        if let reference = try settings.optional(Self.userPassword) {
            keywords["password"] = try context.secrets.resolve(reference).revealText()
        }
        keywords["sslrootcert"] = try settings.optional(Self.sslRootCertificate)
        let timeout = try settings.value(Self.timeout)
        var connection = ConnectionSettings(keywords: keywords)
        connection.connectTimeout = min(timeout, .seconds(30))
        connection.statementTimeout = timeout
        connection.answerTimeout = TimeSpan(milliseconds: timeout.milliseconds + 10_000)
        connection.idleTransactionTimeout = timeout
        let width = try settings.value(Self.connections)
        return SQLStore(
            pool: Pool(connection, size: width), repository: try settings.value(Self.repository),
            properties: ObjectStoreProperties(connections: width, createOnlyIsAtomic: true, location: try identity(settings)))
    }
}
