public import Basics

/// A bounded number of connections, lent to one task at a time. Connections that broke while idle or in use are replaced.
///
/// The oldest that is free is lent: its server process has planned the statements already, and knows the tables. A young one takes several times as long.
public actor Pool {
    public nonisolated let settings: ConnectionSettings
    private let size: Int
    private let patience: RetryPolicy?
    private struct Member: Sendable {
        let age: Int
        let connection: Connection
    }
    /// The youngest first.
    private var idle: [Member] = []
    private var nextAge = 0
    private var lent = 0
    private var waiters: [(id: Int, turn: CheckedContinuation<Void, any Error>)] = []
    private var nextWaiter = 0

    /// At most `size` connections, made when they are needed. `patience` says how often a connection that can't be made for a
    /// transient reason is tried again; nil means not at all.
    public init(_ settings: ConnectionSettings, size: Int = 4, patience: RetryPolicy? = nil) {
        self.settings = settings
        self.size = max(size, 1)
        self.patience = patience
    }

    /// Makes the first connection now, with no patience: for who has to know whether there is a server.
    public func connect() async throws {
        adopt(try await Connection.connect(settings))
    }

    /// Takes a connection with these settings that somebody else has made.
    public func adopt(_ connection: Connection) {
        if idle.count + lent < size { putBack(born(connection)) }
    }

    private func born(_ connection: Connection) -> Member {
        nextAge += 1
        return Member(age: nextAge, connection: connection)
    }

    private func putBack(_ member: Member) {
        idle.insert(member, at: idle.firstIndex { $0.age < member.age } ?? idle.endIndex)
    }

    /// Lends a connection to `body`. Waits until one is free.
    public func withConnection<Value: Sendable>(_ body: @Sendable (Connection) async throws -> Value) async throws -> Value {
        try await enter()
        defer { leave() }
        let member = try await take()
        do {
            let value = try await body(member.connection)
            await giveBack(member)
            return value
        } catch let error as PostgreSQLError where error.sqlState == .readOnly {
            // After a failover it is still tied to the old server.
            throw error
        } catch {
            await giveBack(member)
            throw error
        }
    }

    @discardableResult
    public func query(_ sql: String, _ parameters: [SQLValue] = []) async throws -> Rows {
        try await withConnection { try await $0.query(sql, parameters) }
    }

    /// As `query`, for a statement that may run twice: where its connection breaks before the answer it is sent again over another one, a few times.
    /// A server that says nothing has had its time.
    @discardableResult
    public func repeatable(_ sql: String, _ parameters: [SQLValue] = []) async throws -> Rows {
        var breaks = 0
        while true {
            do {
                return try await query(sql, parameters)
            } catch let error as PostgreSQLError where error.isConnectionLost && !error.isSilence {
                breaks += 1
                guard breaks < Self.mostBreaks else { throw error }
                try await Task.sleep(for: .milliseconds(20 * breaks))
            }
        }
    }

    private static let mostBreaks = 4

    @discardableResult
    public func transaction<Value: Sendable>(_ body: @Sendable (Connection) async throws -> Value) async throws -> Value {
        try await withConnection { try await $0.transaction(body) }
    }

    /// Closes the idle connections.
    public func drain() { idle.removeAll() }

    private func take() async throws -> Member {
        while let member = idle.popLast() {
            if await member.connection.isUsable { return member }
        }
        var attempt = 1
        while true {
            do {
                return born(try await Connection.connect(settings))
            } catch let error as PostgreSQLError where error.retry == .transient {
                guard let patience, patience.attempts == 0 || attempt < patience.attempts else { throw error }
                let delay = patience.delay(afterAttempt: attempt, random: .random(in: 0...1))
                try await Task.sleep(for: delay.duration)
                attempt += 1
            }
        }
    }

    private func giveBack(_ member: Member) async {
        if await member.connection.isUsable { putBack(member) }
    }

    private func enter() async throws {
        if lent < size {
            lent += 1
            return
        }
        let id = nextWaiter
        nextWaiter += 1
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (turn: CheckedContinuation<Void, any Error>) in
                if Task.isCancelled { turn.resume(throwing: CancellationError()) } else { waiters.append((id, turn)) }
            }
        } onCancel: {
            Task { await self.abandon(id) }
        }
    }

    /// The place goes to the first waiter, or is free again.
    private func leave() {
        if waiters.isEmpty { lent -= 1 } else { waiters.removeFirst().turn.resume() }
    }

    private func abandon(_ id: Int) {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return }
        waiters.remove(at: index).turn.resume(throwing: CancellationError())
    }
}
