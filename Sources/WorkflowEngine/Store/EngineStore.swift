public import FlowModel
public import PostgreSQL
import Synchronization

/// The engine's tables behind the calls that services and commands need. See docs/database.md.
///
/// A transition is loaded (or remembered), decided by `JobRun`, and written by one statement over the version that it was decided on.
public final class EngineStore: Sendable {
    /// For what must be on disk when it returns.
    let pool: Pool
    /// For what may be lost with the server: progress, checkpoints, logs.
    let relaxed: Pool
    let clock = DatabaseClock()
    let memory = RunMemory()
    let refusals = RefusalMemory()
    let ledger = ClaimLedger()
    let history: HistoryPolicy
    private let plans = Mutex<[String: Plan]>([:])

    /// Half a lease: a worker that is stopped in the middle of a transaction locks its jobs no longer than that.
    private static let idleTransactionTimeout = TimeSpan.seconds(5)

    /// How it connects to a database.
    public static func session(_ settings: ConnectionSettings) -> ConnectionSettings {
        var settings = settings
        settings.idleTransactionTimeout = idleTransactionTimeout
        return settings
    }

    private init(settings: ConnectionSettings, connections: Int, patience: RetryPolicy?, history: HistoryPolicy) {
        self.history = history
        let settings = Self.session(settings)
        pool = Pool(settings, size: connections, patience: patience)
        var relaxedSettings = settings
        relaxedSettings.commitsAreRelaxed = true
        relaxed = Pool(relaxedSettings, size: 2, patience: patience)
    }

    /// Connects and brings the schema up to date. `patience` says how long a database that is down is waited for later, and here where it `waits`.
    /// `first` is a connection that was made already, as `session` has it.
    public static func open(
        _ settings: ConnectionSettings, first: Connection? = nil, connections: Int = 4, patience: RetryPolicy? = nil, waits: Bool = true,
        history: HistoryPolicy = HistoryPolicy()
    ) async throws -> EngineStore {
        let store = EngineStore(settings: settings, connections: connections, patience: patience, history: history)
        if let first { await store.pool.adopt(first) } else if !waits { try await store.pool.connect() }
        try await store.pool.withConnection { try await Migrator().migrate($0) }
        return store
    }

    static func sql(_ name: String) -> String {
        guard let text = EmbeddedSQL.queries[name] else { preconditionFailure("no query \(name)") }
        return text
    }

    /// The database's clock.
    func now() async throws -> Instant {
        if let now = clock.now { return now }
        let rows = try await pool.query(Self.sql("database-time"))
        guard let now = try rows.first?.instant("now") else { return Instant(microseconds: 0) }
        clock.note(now)
        return now
    }

    /// A plan never changes, so it is read once.
    func plan(_ id: PlanID, tenant: String, on connection: Connection? = nil) async throws -> Plan {
        let key = tenant + "/" + id.rawValue
        if let known = plans.withLock({ $0[key] }) { return known }
        let parameters: [SQLValue] = [.text(tenant), .text(id.rawValue)]
        let rows =
            if let connection { try await connection.query(Self.sql("load-plans"), parameters) } else {
                try await pool.query(Self.sql("load-plans"), parameters)
            }
        guard let row = rows.first else {
            throw StoreError("no-such-plan", expected: "a plan in the database", found: "none", at: "plan \(id)")
        }
        let plan = try row.get("document", as: JSONValue.self).decoded(as: Plan.self)
        plans.withLock { plans in
            if plans.count > 256 { plans.removeAll() }
            plans[key] = plan
        }
        return plan
    }

    /// As the database has them now; jobs that are not there are left out.
    func load(_ jobs: [JobID], on connection: Connection? = nil) async throws -> [RunRecord] {
        let parameters: [SQLValue] = [.texts(jobs.map(\.rawValue))]
        let rows =
            if let connection { try await connection.query(Self.sql("load-runs"), parameters) } else {
                try await pool.query(Self.sql("load-runs"), parameters)
            }
        var records: [RunRecord] = []
        for row in rows {
            clock.note(try row.instant("now"))
            records.append(try RunRecord(row))
        }
        return records
    }
}
