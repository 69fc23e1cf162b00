import CLibPQ
public import Basics

/// Where a database is and how to talk to it. Printing it shows no password.
public struct ConnectionSettings: Sendable, Hashable {
    /// libpq's keywords (`host`, `port`, `dbname`, `user`, `password`, ...) as given.
    private var keywords: [String: String]
    /// The longest that connecting may take.
    public var connectTimeout: TimeSpan = .seconds(10)
    /// The longest that the server may work on one statement; nil for no limit.
    public var statementTimeout: TimeSpan?
    /// The longest to wait for an answer before the connection is given up as lost; nil for no limit.
    public var answerTimeout: TimeSpan?
    /// The longest that a transaction may wait for its client before the server ends it; nil for no limit. A client that is stopped in the
    /// middle of one must not keep its locks from everybody else.
    public var idleTransactionTimeout: TimeSpan?
    public var applicationName = "snappy-flow"
    /// Schemas that unqualified names are looked up in.
    public var searchPath: String?
    /// True: a commit does not wait for the disk (synchronous_commit=off); a crash of the server may lose the last second. For what can be lost.
    public var commitsAreRelaxed = false

    /// Reads `postgresql://user@host:port/database?...` or `host=... dbname=...` (PostgreSQL manual 34.1.1). Where it says nothing, libpq's variables of
    /// this process count, and the file of a service that is named.
    public init(parsing text: String) throws(PostgreSQLError) {
        var message: UnsafeMutablePointer<CChar>?
        defer { PQfreemem(message) }
        guard !text.utf8.contains(0), let options = PQconninfoParse(text, &message) else {
            // libpq's message may quote a part of the password.
            throw PostgreSQLError(
                .badDatabaseAddress, expected: "postgresql://USER@HOST:PORT/DATABASE, or host=HOST dbname=DATABASE user=USER",
                found: "something else (not shown: it may hold a password)", at: "database address",
                advice: "write special characters of a URL as %XX, and quote values with spaces")
        }
        defer { PQconninfoFree(options) }
        var keywords: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { keywords[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        var outside = ClientEnvironment.keywords
        if let service = keywords["service"] ?? outside["service"], !service.isEmpty {
            outside = ClientEnvironment.resolved(service: service).merging(["service": service]) { $1 }
        }
        self.keywords = outside.merging(keywords) { _, given in given }
    }

    /// A server on a Unix socket in `socketFolder`. It gets no password out of a file of this user's. `peer`: the only Unix user by his name who may
    /// listen there.
    public init(socketFolder: String, port: Int = 5432, user: String, database: String, peer: String? = nil) {
        keywords = [
            "host": socketFolder, "port": String(port), "user": user, "dbname": database, "passfile": Self.noPasswordFile,
        ]
        keywords["requirepeer"] = peer
    }

    /// For `passfile`. One that is no plain file would be warned of.
    public static let noPasswordFile = "/nonexistent/pgpass"

    /// libpq's keywords and their values (PostgreSQL manual 34.1.2): `host`, `port`, `user`, `dbname`, `password`, `sslmode`, ...
    public init(keywords: [String: String]) { self.keywords = keywords }

    /// The same server, spoken to in the replication protocol (PostgreSQL manual 55.4).
    func forReplication() -> ConnectionSettings {
        var settings = self
        settings.keywords["replication"] = "true"
        settings.keywords["dbname"] = nil
        return settings
    }

    public var database: String? {
        get { keywords["dbname"] }
        set { keywords["dbname"] = newValue }
    }
    public var user: String? { keywords["user"] }
    public var host: String? { keywords["host"] ?? keywords["hostaddr"] }
    public var port: String? { keywords["port"] }

    func keyword(_ name: String) -> String? { keywords[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// What is handed to libpq. A server of another machine proves who it is, unless somebody says otherwise. Keepalives find a dead network within about 30 s.
    var parameters: [String: String] {
        var parameters = [
            "keepalives": "1", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "4",
            "tcp_user_timeout": "30000", "client_encoding": "UTF8",
        ]
        parameters["sslmode"] = addedMode
        parameters.merge(keywords) { _, given in given }
        parameters["fallback_application_name"] = applicationName
        // What was given with the address stands over our defaults, and below what our own code relies on.
        var own = SessionDefaults.form
        if let statementTimeout { own.append(("statement_timeout", String(statementTimeout.milliseconds))) }
        if let idleTransactionTimeout { own.append(("idle_in_transaction_session_timeout", String(idleTransactionTimeout.milliseconds))) }
        if commitsAreRelaxed { own.append(("synchronous_commit", "off")) }
        if let searchPath { own.append(("search_path", searchPath)) }
        var defaults = SessionDefaults.undisturbed + SessionDefaults.reading
        if parameters["replication"] != nil { defaults += SessionDefaults.streaming }
        parameters["options"] = [SessionDefaults.options(defaults), parameters["options"] ?? "", SessionDefaults.options(own)]
            .filter { !$0.isEmpty }.joined(separator: " ")
        return parameters
    }
}

extension ConnectionSettings: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// `database orders at db1:5432`
    public var description: String {
        let place = host.map { $0.hasPrefix("/") ? $0 : $0 + (port.map { ":" + $0 } ?? "") }
        return "database \(database ?? user ?? "of the user's name") at \(place ?? "the default address")"
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
