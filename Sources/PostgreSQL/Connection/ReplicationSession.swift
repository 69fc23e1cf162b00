import CLibPQ
public import Basics
import Synchronization

/// One session in the replication protocol (PostgreSQL manual 55.4): simple commands, and data that the server streams.
///
/// Its calls block the caller's own thread, one at a time; `stop`, from any thread, ends the call that waits within a tenth of a second.
public final class ReplicationSession: @unchecked Sendable {  // one call at a time, by contract; the flag is atomic
    private let handle: Handle
    private let settings: ConnectionSettings
    private let place: String
    private let isStopped: StopMark
    /// After so long without a word it is asked whether there still is a server: one that works says nothing for hours, one that is gone for ever.
    private let silence: TimeSpan

    /// What `stop` raises, also before there is a session.
    public final class StopMark: Sendable {
        private let raised = Atomic(false)
        public init() {}
        public var isRaised: Bool { raised.load(ordering: .relaxed) }
        public func raise() { raised.store(true, ordering: .relaxed) }
    }

    /// One answer to a command.
    public enum Answer: Sendable {
        case rows(Rows)
        /// Data follows: see `message`.
        case copyOut
        /// As `copyOut`, and the server would listen too.
        case copyBoth
        case done
    }

    /// Connects to the cluster, not to one of its databases. The user needs the REPLICATION attribute.
    public init(_ settings: ConnectionSettings, silence: TimeSpan = .minutes(1), isStopped: StopMark = StopMark()) throws {
        let settings = settings.forReplication()
        self.settings = settings
        self.silence = silence
        handle = try Connector.connect(settings) { isStopped.isRaised }
        place = settings.description
        self.isStopped = isStopped
    }

    /// The server's version, `150020` for 15.20.
    public var serverVersion: Int { Int(PQserverVersion(handle.raw)) }

    public func stop() { isStopped.raise() }

    /// Sends a command; its answers come from `next`.
    public func send(_ command: String) throws {
        guard PQsendQuery(handle.raw, command) == 1 else { throw lost() }
    }

    /// Sends a command and returns its last rows.
    @discardableResult
    public func run(_ command: String) throws -> Rows? {
        try send(command)
        var rows: Rows?
        while let answer = try next() { if case .rows(let found) = answer { rows = found } }
        return rows
    }

    /// The next answer; nil after the last. Throws the server's own report when the command failed.
    public func next() throws -> Answer? {
        while PQisBusy(handle.raw) == 1 { try wait() }
        guard let raw = PQgetResult(handle.raw) else { return nil }
        let result = ResultHandle(raw)
        switch PQresultStatus(raw) {
        case PGRES_TUPLES_OK: return .rows(Rows(result))
        case PGRES_COPY_OUT: return .copyOut
        case PGRES_COPY_BOTH: return .copyBoth
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: return .done
        default:
            let error = PostgreSQLError(result, sql: "replication command", at: place)
            throw handle.isOpen ? error : lost(error.found)
        }
    }

    /// Lends the next message of streamed data; nil after the last, when `next` says how it ended.
    public func message<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result? {
        while true {
            if isStopped.isRaised { throw CancellationError() }
            var bytes: UnsafeMutablePointer<CChar>?
            let count = PQgetCopyData(handle.raw, &bytes, 1)
            defer { PQfreemem(bytes) }
            switch count {
            case 1...: return try body(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
            case 0: try wait()
            case -1: return nil
            default: throw lost()
            }
        }
    }

    private func wait() throws {
        var deadline = Deadline(after: silence)
        while !Socket.wait(handle.socket, for: .reading, milliseconds: 100) {
            if isStopped.isRaised { throw CancellationError() }
            guard deadline.hasPassed else { continue }
            guard Connector.isAnswered(settings) else { throw lost("no word for \(silence), and a new connection is not answered either") }
            deadline = Deadline(after: silence)
        }
        guard PQconsumeInput(handle.raw) == 1 else { throw lost() }
    }

    private func lost(_ reason: String? = nil) -> PostgreSQLError {
        let message = reason ?? handle.message
        return PostgreSQLError(
            .connectionLost, expected: "a replication connection to the server",
            found: message.isEmpty ? "it is closed" : message, at: place, advice: "check that the server runs, and try again",
            retry: .transient)
    }
}
