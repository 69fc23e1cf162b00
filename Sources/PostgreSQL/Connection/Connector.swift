import CLibPQ
import Basics
import Glibc
import Threads

/// Makes a connection, step by step, so that the time limit and cancellation hold in every phase.
actor Connector {
    private let settings: ConnectionSettings
    private let executor: BlockingExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(settings: ConnectionSettings, executor: BlockingExecutor) {
        self.settings = settings
        self.executor = executor
    }

    func connect() throws -> Handle { try Self.connect(settings) { Task.isCancelled } }

    /// Connects on the caller's own thread, which may block; `isStopped` is asked ten times a second.
    static func connect(_ settings: ConnectionSettings, isStopped: () -> Bool) throws -> Handle {
        func failure(_ message: String) -> PostgreSQLError { Self.failure(message, settings) }
        let handle = try start(settings, settings.parameters)
        let raw = handle.raw
        let deadline = Deadline(after: settings.connectTimeout)
        var direction = Socket.Direction.writing
        while true {
            var isReady = false
            while !isReady {
                isReady = Socket.wait(handle.socket, for: direction, milliseconds: 100)
                if isStopped() { throw CancellationError() }
                // Also of a server that goes on saying something and never comes to an end.
                guard !deadline.hasPassed else { throw failure("no answer within \(settings.connectTimeout)") }
            }
            switch PQconnectPoll(raw) {
            case PGRES_POLLING_OK: return handle
            case PGRES_POLLING_READING: direction = .reading
            case PGRES_POLLING_WRITING: direction = .writing
            default: throw failure(handle.message)
            }
        }
    }

    /// Whether a server answers there, with whatever: also one that would not let us in. Blocks the caller's thread, for `settings.connectTimeout` at most.
    static func isAnswered(_ settings: ConnectionSettings) -> Bool {
        ClientEnvironment.takeOut()
        var parameters = settings.parameters
        parameters["connect_timeout"] = String(max(2, (settings.connectTimeout.milliseconds + 999) / 1000))
        let sorted = parameters.sorted { $0.key < $1.key }
        let keywords = sorted.map { strdup($0.key) } + [nil]
        let values = sorted.map { strdup($0.value) } + [nil]
        defer { for copy in keywords + values { free(copy) } }
        return PQpingParams(keywords.map { UnsafePointer($0) }, values.map { UnsafePointer($0) }, 0) != PQPING_NO_RESPONSE
    }

    /// Begins to connect; the server has been told nothing yet.
    private static func start(_ settings: ConnectionSettings, _ parameters: [String: String]) throws -> Handle {
        ClientEnvironment.takeOut()
        let parameters = parameters.sorted { $0.key < $1.key }
        let keywords = parameters.map { strdup($0.key) } + [nil]
        let values = parameters.map { strdup($0.value) } + [nil]
        defer { for copy in keywords + values { free(copy) } }
        guard let raw = PQconnectStartParams(keywords.map { UnsafePointer($0) }, values.map { UnsafePointer($0) }, 0) else {
            throw failure("out of memory", settings)
        }
        let handle = Handle(raw)
        guard PQstatus(raw) != CONNECTION_BAD else { throw failure(handle.message, settings) }
        return handle
    }

    /// libpq gives no error code for a failed connection: what can't get better by itself is told by the server's words.
    private static func failure(_ message: String, _ settings: ConnectionSettings) -> PostgreSQLError {
        let known = permanent.first { message.contains($0.words) }
        let state = known?.state.map { SQLState(rawValue: $0) }
        return PostgreSQLError(
            known == nil ? .connectFailed : .connectRefused, expected: "a connection to the database", found: message,
            at: settings.description,
            advice: known?.advice ?? state?.advice ?? "check that the server runs and that host and port are right",
            retry: known == nil ? .transient : .permanent, sqlState: state)
    }

    /// The first that fits counts. Where there is no advice, the state has one.
    private static let permanent: [(words: String, state: String?, advice: String?)] = [
        ("password authentication failed", "28P01", nil), ("no password supplied", "28P01", nil),
        (
            "no pg_hba.conf entry", "28000",
            "add a line for this user and address to the server's pg_hba.conf and reload it; see sslMode, too"
        ),
        ("authentication failed", "28000", nil), ("role \"", "28000", nil), ("database \"", "3D000", nil),
        ("requirepeer specifies", nil, "see who listens on the socket in the server's place, and end that process"),
        ("service file", nil, serviceAdvice), ("definition of service", nil, serviceAdvice),
        ("permission denied", "42501", nil), ("must be superuser or replication role", "42501", nil),
        ("certificate verify failed", nil, certificateAdvice), ("does not match host name", nil, certificateAdvice),
        ("root certificate file", nil, certificateAdvice), ("host name must be specified", nil, certificateAdvice),
        (
            "server does not support SSL", nil,
            "turn TLS on at the server; or say sslMode: prefer (sslmode=prefer in an address), where nobody but you is on the way to it"
        ),
    ]
    private static let serviceAdvice =
        "correct the file of services (~/.pg_service.conf, or what PGSERVICEFILE names), or the service's name"
    private static let certificateAdvice =
        """
        name the file with the certificates that vouch for the server (sslRootCertificate in a document; sslrootcert=FILE in an address, \
        PGSSLROOTCERT, or ~/.postgresql/root.crt), and the host as its own has it; with sslMode: require (sslmode=require) nobody checks who answers
        """
}
