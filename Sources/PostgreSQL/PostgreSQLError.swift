public import Basics

/// Why the database, or the way to it, failed. Never holds a password.
public struct PostgreSQLError: ExplainedError, Sendable, Hashable {
    public var explanation: Explanation
    /// The server's five characters (PostgreSQL manual, appendix A). Nil when the error arose on this side.
    public var sqlState: SQLState?
    /// The violated constraint's name, where there is one.
    public var constraint: String?

    public init(
        _ kind: ErrorKind, expected: String, found: String, at location: String, advice: String = "", retry: Retryability = .permanent,
        sqlState: SQLState? = nil, constraint: String? = nil
    ) {
        explanation = Explanation(kind, expected: expected, found: found, at: location, advice: advice, retry: retry)
        self.sqlState = sqlState
        self.constraint = constraint
    }

    init(_ explanation: Explanation) { self.explanation = explanation }

    /// True when the connection is gone: whether the last statement took effect is unknown.
    public var isConnectionLost: Bool { kind == .connectionLost || isSilence || sqlState?.isConnectionLoss == true }
    /// True when the connection was given up because no answer came within its limit.
    public var isSilence: Bool { kind == .noAnswer }
    public var isUniqueViolation: Bool { sqlState == .uniqueViolation }
}

/// An error code of the server.
public struct SQLState: RawRepresentable, Sendable, Hashable {
    public var rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    public static let uniqueViolation = SQLState(rawValue: "23505")
    public static let checkViolation = SQLState(rawValue: "23514")
    public static let foreignKeyViolation = SQLState(rawValue: "23503")
    public static let exclusionViolation = SQLState(rawValue: "23P01")
    public static let serializationFailure = SQLState(rawValue: "40001")
    public static let deadlock = SQLState(rawValue: "40P01")
    public static let queryCanceled = SQLState(rawValue: "57014")
    public static let readOnly = SQLState(rawValue: "25006")
    public static let diskFull = SQLState(rawValue: "53100")
    public static let undefinedTable = SQLState(rawValue: "42P01")
    public static let undefinedDatabase = SQLState(rawValue: "3D000")
    static let invalidAuthorization = SQLState(rawValue: "28000")
    static let undefinedStatement = SQLState(rawValue: "26000")
    static let planChanged = SQLState(rawValue: "0A000")

    /// Class 08, or the server is going down or coming up, or has ended a transaction that stood still.
    var isConnectionLoss: Bool { rawValue.hasPrefix("08") || ["25P03", "57P01", "57P02", "57P03", "57P05"].contains(rawValue) }

    /// Lost connections, conflicts between transactions, a server that starts, stops, recovers or is full.
    var isTransient: Bool {
        isConnectionLoss || rawValue.hasPrefix("53") || rawValue.hasPrefix("58")
            || [Self.serializationFailure, .deadlock, .readOnly, .queryCanceled].contains(self)
            || ["40003", "55P03", "57P04"].contains(rawValue)
    }

    /// What to do about it, for those that people meet.
    var advice: String {
        switch rawValue {
        case "28P01", "28000": "check the user name and the password of the database"
        case "3D000": "create the database, or name another one"
        case "42501": "grant the user the right to do it"
        case "42P01": "run `snappy-flow db migrate`"
        case Self.diskFull.rawValue: "free space on the database's disk"
        case "53300": "raise max_connections, or run fewer workers"
        case "25006": "the server is read-only: wait for the failover to end, or connect to the primary"
        case "57P01", "57P02": "the server or its administrator ended the connection: see the server's log, and try again"
        case "57P03": "wait until the server has started"
        case "57014": "a statement took too long or was cancelled: see statement_timeout"
        default: ""
        }
    }
}
