import CLibPQ
public import Basics
import Glibc
import Threads

/// One session with a server. Its calls block a thread of its own, never one of the cooperative pool.
///
/// Cancelling the task cancels its running statement on the server. A connection is used by one task at a time; `Pool` sees to that.
public actor Connection {
    private let executor: BlockingExecutor
    private let handle: Handle
    private let canceller: Canceller
    private var answerTimeout: TimeSpan?
    private let place: String
    /// By their texts' bytes: two that only look alike may name different things.
    private var statements: [ExactText: String] = [:]
    private var isAbandoned = false

    /// The most statements kept prepared at once.
    private static let statementLimit = 256
    /// The longest to wait for what is answered at once by any server that lives.
    private static let housekeepingTimeout = TimeSpan.seconds(10)

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private init(handle: Handle, executor: BlockingExecutor, settings: ConnectionSettings) {
        self.handle = handle
        self.executor = executor
        // What is sent waits for a server that takes nothing within the same limits as its answer.
        PQsetnonblocking(handle.raw, 1)
        canceller = Canceller(handle)
        answerTimeout = settings.answerTimeout
        place = settings.description
    }

    /// Connects within `settings.connectTimeout`.
    public static func connect(_ settings: ConnectionSettings) async throws -> Connection {
        let executor = BlockingExecutor(label: "postgresql")
        let handle = try await Connector(settings: settings, executor: executor).connect()
        return Connection(handle: handle, executor: executor, settings: settings)
    }

    /// True when nothing is known against it: no answer is outstanding and the server has not hung up.
    public var isUsable: Bool {
        guard !isAbandoned, handle.isOpen, PQtransactionStatus(handle.raw) == PQTRANS_IDLE else { return false }
        // An idle server says little, except when it goes away: its last words first, then the end of the stream.
        while Socket.wait(handle.socket, for: .reading, milliseconds: 0) {
            guard PQconsumeInput(handle.raw) == 1, handle.isOpen else { return false }
        }
        return handle.isOpen
    }

    /// The server's version, `150020` for 15.20.
    public var serverVersion: Int { Int(PQserverVersion(handle.raw)) }

    /// Runs one statement, prepared at its first use. Throws `PostgreSQLError`, or `CancellationError` when the task was cancelled.
    @discardableResult
    public func query(_ sql: String, _ parameters: [SQLValue] = []) async throws -> Rows {
        let canceller = canceller
        return try await withTaskCancellationHandler {
            try await runPrepared(sql, parameters)
        } onCancel: {
            canceller.request()
        }
    }

    /// Runs a script of several statements without parameters.
    public func execute(script: String) async throws {
        let canceller = canceller
        try await withTaskCancellationHandler {
            try await runScript(script)
        } onCancel: {
            canceller.request()
        }
    }

    /// Runs `body` with another limit for each answer: for what is known to take long.
    public func withAnswers<Value: Sendable>(
        within limit: TimeSpan, _ body: @Sendable (Connection) async throws -> Value
    ) async throws -> Value {
        let usual = answerTimeout
        answerTimeout = limit
        defer { answerTimeout = usual }
        return try await body(self)
    }

    /// Runs `body` in a transaction: committed when it returns, rolled back when it throws.
    @discardableResult
    public func transaction<Value: Sendable>(_ body: @Sendable (Connection) async throws -> Value) async throws -> Value {
        try await execute(script: "BEGIN")
        do {
            let value = try await body(self)
            try await execute(script: "COMMIT")
            return value
        } catch {
            rollback()
            throw error
        }
    }

    /// Also when the task is cancelled: an open transaction holds locks.
    private func rollback() {
        guard !isAbandoned, handle.isOpen, PQtransactionStatus(handle.raw) != PQTRANS_IDLE else { return }
        if PQsendQuery(handle.raw, "ROLLBACK") == 1 { _ = try? answer(to: "ROLLBACK", within: Self.housekeepingTimeout) }
    }

    /// Waits until notifications are there, or the time is over; then asks whether the connection still stands.
    func notifications(within span: TimeSpan) async throws -> [Listener.Event] {
        let deadline = Deadline(after: span)
        while true {
            guard !isAbandoned, handle.isOpen else { throw lost() }
            try Task.checkCancellation()
            var found: [Listener.Event] = []
            while let raw = PQnotifies(handle.raw) {
                found.append(.notification(channel: String(cString: raw.pointee.relname), payload: String(cString: raw.pointee.extra)))
                PQfreemem(raw)
            }
            guard found.isEmpty else { return found }
            if deadline.hasPassed {
                try await execute(script: "")
                return []
            }
            // Nobody waits for the end of a listening that was cancelled; each look costs every idle worker something.
            if Socket.wait(handle.socket, for: .reading, milliseconds: 1000), PQconsumeInput(handle.raw) == 0 { throw lost() }
        }
    }

    private func runScript(_ script: String) async throws {
        try await run {
            guard PQsendQuery(handle.raw, script) == 1 else { throw lost() }
            _ = try answer(to: script)
        }
    }

    private func runPrepared(_ sql: String, _ parameters: [SQLValue]) async throws -> Rows {
        let texts = try parameters.map { parameter throws(PostgreSQLError) -> String? in
            guard let text = parameter.wireText else { return nil }
            guard !text.utf8.contains(0) else {
                throw PostgreSQLError(.nulInText, expected: "text without NUL characters", found: "a NUL character", at: place)
            }
            return text
        }
        return try await run {
            let name = try prepare(sql)
            do {
                return try send(name, texts, of: sql)
            } catch let error as PostgreSQLError
                where (error.sqlState == .undefinedStatement || error.sqlState == .planChanged)
                && PQtransactionStatus(handle.raw) == PQTRANS_IDLE
            {
                // A migration changed what it returns, or somebody deallocated it.
                forget(sql)
                return try send(try prepare(sql), texts, of: sql)
            }
        }
    }

    private func run<Value>(_ body: () throws -> Value) async throws -> Value {
        guard !isAbandoned, handle.isOpen else { throw lost() }
        canceller.begin()
        defer { if !isAbandoned, !canceller.end() { isAbandoned = true } }
        try Task.checkCancellation()
        do {
            return try body()
        } catch let error as PostgreSQLError where error.sqlState == .queryCanceled && Task.isCancelled {
            throw CancellationError()
        }
    }

    private func prepare(_ sql: String) throws -> String {
        if let name = statements[ExactText(sql)] { return name }
        if statements.count >= Self.statementLimit {
            guard PQsendQuery(handle.raw, "DEALLOCATE ALL") == 1 else { throw lost() }
            _ = try answer(to: "DEALLOCATE ALL", within: Self.housekeepingTimeout)
            statements.removeAll()
        }
        let name = "s\(statements.count)"
        guard PQsendPrepare(handle.raw, name, sql, 0, nil) == 1 else { throw lost() }
        _ = try answer(to: sql)
        statements[ExactText(sql)] = name
        return name
    }

    private func forget(_ sql: String) {
        guard let name = statements[ExactText(sql)], PQsendQuery(handle.raw, "DEALLOCATE \(name)") == 1 else { return }
        _ = try? answer(to: "DEALLOCATE", within: Self.housekeepingTimeout)
        statements[ExactText(sql)] = nil
    }

    private func send(_ name: String, _ texts: [String?], of sql: String) throws -> Rows {
        let copies = texts.map { $0.map { strdup($0) } ?? nil }
        defer { for copy in copies { free(copy) } }
        let pointers = copies.map { UnsafePointer($0) }
        guard PQsendQueryPrepared(handle.raw, name, Int32(texts.count), pointers, nil, nil, 0) == 1 else { throw lost() }
        return Rows(try answer(to: sql))
    }

    /// Waits until it is sent, and for every result of it; returns the last, throws the first error. `limit`: where it is less than the connection's own.
    private func answer(to sql: String, within limit: TimeSpan? = nil) throws -> ResultHandle {
        var last: ResultHandle?
        var failure: PostgreSQLError?
        let limit = [limit, answerTimeout].compactMap { $0 }.min()
        var deadline = Deadline(after: limit)
        var isCancelling = false
        func wait(for direction: Socket.Direction) throws {
            if canceller.isRequested, !isCancelling {
                // The server gets a moment to obey; a hung one is left behind.
                isCancelling = true
                deadline = Deadline(after: .seconds(3))
            }
            guard !deadline.hasPassed else {
                isAbandoned = true
                if isCancelling { throw CancellationError() }
                throw lost("no answer within \(limit?.description ?? "3s")", kind: .noAnswer)
            }
            guard Socket.wait(handle.socket, for: direction, milliseconds: 100) else { return }
            guard PQconsumeInput(handle.raw) == 1 else { throw lost() }
        }
        while PQflush(handle.raw) == 1 { try wait(for: .both) }
        while true {
            while PQisBusy(handle.raw) == 1 { try wait(for: .reading) }
            guard let raw = PQgetResult(handle.raw) else { break }
            let result = ResultHandle(raw)
            switch PQresultStatus(raw) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: last = result
            default: failure = failure ?? PostgreSQLError(result, sql: sql, at: place)
            }
        }
        if let failure { throw handle.isOpen ? failure : failure.asLost }
        guard let last else { throw lost() }
        return last
    }

    private func lost(_ reason: String? = nil, kind: ErrorKind = .connectionLost) -> PostgreSQLError {
        let message = handle.message
        return PostgreSQLError(
            kind, expected: "a connection to the database",
            found: reason ?? (message.isEmpty ? "it is closed" : message), at: place, advice: "check that the database runs",
            retry: .transient)
    }
}

extension PostgreSQLError {
    /// The server's own report of a failed statement.
    init(_ result: ResultHandle, sql: String, at place: String) {
        let state = result.field(ErrorField.sqlState).map(SQLState.init(rawValue:))
        var found = result.field(ErrorField.primary) ?? String(cString: PQresultErrorMessage(result.raw)).singleLine
        if let detail = result.field(ErrorField.detail) { found += " (\(detail))" }
        // Without a code the report comes from libpq: the connection broke.
        let kind: ErrorKind = state?.isConnectionLoss ?? true ? .connectionLost : .statementFailed
        self.init(
            kind, expected: "the statement to succeed: \(sql.prefix(60).split(whereSeparator: \.isWhitespace).joined(separator: " "))",
            found: found, at: place, advice: state?.advice ?? "check that the database runs",
            retry: state?.isTransient ?? true ? .transient : state == .uniqueViolation ? .lostRace : .permanent,
            sqlState: state, constraint: result.field(ErrorField.constraint))
    }

    fileprivate var asLost: PostgreSQLError {
        var error = self
        error.kind = .connectionLost
        error.retry = .transient
        return error
    }
}
