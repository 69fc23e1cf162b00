public import Basics
import FlowModel
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
    let turns = JobTurns()
    let pending = PendingEvents()
    let counts = StoreCounts()
    let history: HistoryPolicy
    let plans = Mutex<[String: Plan]>([:])
    /// What this process seals its jobs with, and knows those of its user by.
    let key: SealingKey
    /// Jobs that this process made and runs itself, whoever their rows name as their owner.
    let made = Mutex<Set<JobID>>([])

    /// No statement takes so long on a server that works; one that takes longer is on its way to a server that will never answer. Migrations have a limit
    /// of their own.
    private static let answerTimeout = TimeSpan.seconds(60)
    /// Half a lease: a worker that is stopped in the middle of a transaction locks its jobs no longer than that.
    private static let idleTransactionTimeout = TimeSpan.seconds(5)

    /// How it connects to a database.
    public static func session(_ settings: ConnectionSettings) -> ConnectionSettings {
        var settings = settings
        settings.idleTransactionTimeout = idleTransactionTimeout
        settings.answerTimeout = settings.answerTimeout ?? answerTimeout
        return settings
    }

    private init(settings: ConnectionSettings, connections: Int, patience: RetryPolicy?, history: HistoryPolicy, key: SealingKey) {
        self.history = history
        self.key = key
        let settings = Self.session(settings)
        pool = Pool(settings, size: connections, patience: patience)
        var relaxedSettings = settings
        relaxedSettings.commitsAreRelaxed = true
        relaxed = Pool(relaxedSettings, size: 2, patience: patience)
    }

    /// Connects and brings the schema up to date. `patience` says how long a database that is down is waited for later, and here where it `waits`.
    /// `first` is a connection that was made already, as `session` has it. `key`: the user's, for who makes or carries on local jobs; without, what is
    /// made here is local to this process.
    public static func open(
        _ settings: ConnectionSettings, first: Connection? = nil, connections: Int = 4, patience: RetryPolicy? = nil, waits: Bool = true,
        history: HistoryPolicy = HistoryPolicy(), key: SealingKey = .ofThisProcess(maker: "process")
    ) async throws -> EngineStore {
        let store = EngineStore(settings: settings, connections: connections, patience: patience, history: history, key: key)
        if let first { await store.pool.adopt(first) } else if !waits { try await store.pool.connect() }
        try await store.pool.withConnection { try await Migrator().migrate($0) }
        return store
    }

    /// Where it is, in words.
    public var place: String { "\(pool.settings)" }

    static func sql(_ name: String) -> String {
        guard let text = EmbeddedSQL.queries[name] else { preconditionFailure("no query \(name)") }
        return text
    }

    /// The database's clock.
    func now() async throws -> Instant {
        if let now = clock.now { return now }
        let rows = try await pool.repeatable(Self.sql("database-time"))
        guard let now = try rows.first?.instant("now") else { return Instant(microseconds: 0) }
        clock.note(now)
        return now
    }
}
