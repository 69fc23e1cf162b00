/// What kind of failure an explanation tells of: a short stable word for scripts, rows, plug-ins and the API.
///
/// A kind is added where somebody reacts to it, or where a person looks it up; what differs in its parts only (`expected`, `found`, `location`)
/// is the same kind. Words are never given another meaning.
public enum ErrorKind: String, Sendable, Hashable, CaseIterable {
    // MARK: of any call

    /// Nothing more is known than what the explanation says.
    case failed
    case cancelled
    case timedOut = "timed-out"
    /// What was given can't be: it must be changed.
    case invalid
    case invalidSetting = "invalid-setting"
    /// This program, system or server can't do that at all.
    case unsupported
    case notFound = "not-found"
    case exists
    /// The operating system or a server says no to this user.
    case accessDenied = "access-denied"
    /// This machine's configuration or a person says no.
    case notAllowed = "not-allowed"
    case denied
    /// What is there can't be understood.
    case unreadable
    /// What is there is not what belongs there, and nothing is made of it.
    case notUnderstood = "not-understood"
    /// No room: a disk, a quota, memory.
    case noSpace = "no-space"
    /// A call of the operating system failed in another way.
    case fileSystem = "file-system"
    /// Somebody else could change what is in a folder or file that only we may write.
    case folderNotPrivate = "folder-not-private"
    case secretMissing = "secret-missing"
    case programMissing = "program-missing"
    case commandFailed = "command-failed"

    // MARK: servers

    /// It does not answer, or not now.
    case unavailable
    case unreachable
    /// No certificate that this machine trusts.
    case untrusted
    /// It broke off in the middle.
    case interrupted
    case invalidRequest = "invalid-request"
    case tooLarge = "too-large"
    case unexpectedStatus = "unexpected-status"
    case unexpectedBody = "unexpected-body"
    /// An address can't be listened on.
    case cannotListen = "cannot-listen"

    // MARK: stored objects and trees

    /// Shorter than it says, or than it was.
    case truncated
    /// It became another while it was used.
    case changed
    /// It can't be removed or replaced yet: a lock of the store.
    case retained
    /// Not what was sealed with this key.
    case notAuthentic = "not-authentic"
    case badParameters = "bad-parameters"

    // MARK: repositories

    case notARepository = "not-a-repository"
    case wrongPassword = "wrong-password"
    case locked
    case lockLost = "lock-lost"
    case damaged
    case missingPack = "missing-pack"
    case missingBlob = "missing-blob"
    case noSuchSnapshot = "no-such-snapshot"
    /// What was asked for is there of several systems, or of several programs: to take one would be a guess.
    case severalOrigins = "several-origins"
    case noSuchPath = "no-such-path"
    case unsafeName = "unsafe-name"

    // MARK: steps

    /// What was copied or restored is not what it must be.
    case verification
    /// What was there has been written over in part: neither the old nor the new.
    case halfWritten = "half-written"
    /// The snapshots of a window are of no one moment.
    case windowVoid = "window-void"
    case quiesceStillRunning = "quiesce-still-running"
    /// Another worker has the step.
    case leaseLost = "lease-lost"
    case guardFailed = "guard-failed"
    case guardRemains = "guard-remains"
    case notProven = "not-proven"
    case notServed = "not-served"
    case pluginInvalid = "plugin-invalid"

    // MARK: expressions and parameters

    case expression
    case expressionType = "expression-type"
    case tooManyItems = "too-many-items"
    case unknownFunction = "unknown-function"
    case unknownReference = "unknown-reference"
    case unknownType = "unknown-type"
    case wrongType = "wrong-type"
    case wrongParameter = "wrong-parameter"
    case wrongSnapshot = "wrong-snapshot"
    case slowInWindow = "slow-in-window"

    // MARK: jobs in the control database

    case noSuchJob = "no-such-job"
    case badJobID = "bad-job-id"
    case noSuchPlan = "no-such-plan"
    case workerKnown = "worker-known"
    case changedPlan = "changed-plan"
    case rottenJob = "rotten-job"
    case submitFailed = "submit-failed"
    case transitionRefused = "transition-refused"
    case claimOvertaken = "claim-overtaken"
    case unknownLevel = "unknown-level"
    case unknownOrigin = "unknown-origin"
    case noSuchVersion = "no-such-version"
    case schemaTooNew = "schema-too-new"
    case noSealingKey = "no-sealing-key"

    // MARK: the way to a PostgreSQL server

    case badDatabaseAddress = "bad-database-address"
    case connectFailed = "connect-failed"
    case connectRefused = "connect-refused"
    case connectionLost = "connection-lost"
    case noAnswer = "no-answer"
    case databaseAway = "database-away"
    case statementFailed = "statement-failed"
    case unexpectedColumn = "unexpected-column"
    case nulInText = "nul-in-text"
    case noPostgreSQL = "no-postgresql"
    case noServerUser = "no-server-user"
    case noStateFolder = "no-state-folder"
    case unreachableFolder = "unreachable-folder"
    /// The private server could not be made, started or stopped.
    case serverFailed = "server-failed"
    case watcherFailed = "watcher-failed"
    case clusterVersion = "cluster-version"
    case clusterNotUnderstood = "cluster-not-understood"
    case serverHeldUp = "server-held-up"
    case clusterBusy = "cluster-busy"
    case clusterInUse = "cluster-in-use"

    // MARK: what is copied of PostgreSQL

    case noSuchDatabase = "no-such-database"
    case otherDatabase = "other-database"
    case otherAnswer = "other-answer"
    case damagePassedOver = "damage-passed-over"
    case notReplaceable = "not-replaceable"
    case noSuchRole = "no-such-role"
    case otherCluster = "other-cluster"
    case serverRuns = "server-runs"
    case dataFolderMissing = "data-folder-missing"
    case tablespaceOutside = "tablespace-outside"
    case labelMissing = "label-missing"
    case walMissing = "wal-missing"
    case damagedPages = "damaged-pages"
    case globalsRefused = "globals-refused"
    case dumpIsCode = "dump-is-code"
}

// MARK: - Statuses

extension ErrorKind {
    /// With what a command ends, and what the API answers (RFC 9110, 15).
    public var statuses: (exit: CommandStatus, http: Int) {
        switch self {
        case .failed, .fileSystem, .commandFailed, .guardFailed, .guardRemains, .watcherFailed: (.failed, 500)
        case .cancelled: (.cancelled, 409)
        case .timedOut: (.failed, 504)

        case .invalid, .invalidRequest, .badJobID, .unexpectedColumn, .nulInText: (.failed, 400)
        case .invalidSetting: (.usage, 422)
        case .expression, .expressionType, .tooManyItems, .unknownFunction, .unknownReference, .unknownType, .wrongType, .wrongParameter,
            .wrongSnapshot, .slowInWindow:
            (.failed, 422)
        case .unsupported, .notServed, .pluginInvalid, .secretMissing, .programMissing, .unsafeName, .badParameters, .otherDatabase,
            .otherCluster, .noSuchRole, .globalsRefused, .labelMissing, .unreadable, .notUnderstood, .noSealingKey, .folderNotPrivate:
            (.failed, 422)
        case .tooLarge: (.failed, 413)

        case .accessDenied, .notAllowed, .denied, .dumpIsCode: (.failed, 403)
        case .notFound, .noSuchSnapshot, .noSuchPath, .noSuchJob, .noSuchPlan, .noSuchVersion, .noSuchDatabase, .dataFolderMissing:
            (.failed, 404)
        case .notARepository: (.noRepository, 404)
        case .exists, .changed, .retained, .severalOrigins, .serverRuns, .tablespaceOutside, .notReplaceable, .workerKnown,
            .quiesceStillRunning, .leaseLost,
            .changedPlan, .transitionRefused, .claimOvertaken, .submitFailed, .notProven, .windowVoid, .lockLost, .halfWritten:
            (.failed, 409)
        case .locked: (.locked, 423)
        case .wrongPassword: (.wrongPassword, 403)

        case .noSpace: (.failed, 507)
        case .unavailable, .unreachable, .interrupted, .cannotListen: (.failed, 503)
        case .untrusted, .otherAnswer, .unexpectedStatus, .unexpectedBody: (.failed, 502)

        case .verification, .damaged, .missingPack: (.damaged, 500)
        case .missingBlob, .truncated, .notAuthentic, .walMissing, .damagedPages, .damagePassedOver, .rottenJob, .unknownLevel,
            .unknownOrigin:
            (.failed, 500)

        case .badDatabaseAddress, .connectFailed, .connectRefused, .connectionLost, .noAnswer, .databaseAway, .statementFailed,
            .noPostgreSQL,
            .noServerUser, .noStateFolder, .unreachableFolder, .serverFailed, .serverHeldUp, .clusterVersion, .clusterNotUnderstood,
            .clusterBusy, .clusterInUse:
            (.databaseUnavailable, 503)
        case .schemaTooNew: (.outdated, 503)
        }
    }
}

// MARK: - Words of other versions

extension ErrorKind {
    /// The kind that a word means, in a row or from a plug-in: words were written without hyphens once (`noSpace`), and a word
    /// that this version does not know is a failure of which the explanation says the rest.
    public init(word: String) {
        self = ErrorKind(rawValue: word) ?? Self.former[word] ?? .failed
    }

    private static let former: [String: ErrorKind] = [
        "notFound": .notFound, "accessDenied": .accessDenied, "noSpace": .noSpace, "invalidSetting": .invalidSetting,
        "cannotListen": .cannotListen,
    ]
}

extension ErrorKind: Codable {
    public init(from decoder: any Decoder) throws {
        self.init(word: try decoder.singleValueContainer().decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(rawValue)
    }
}
