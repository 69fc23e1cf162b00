public import Basics
public import FlowModel
public import StepKit

/// What the services need of the database. One implementation: `EngineStore`. All times are the database's. It is this module's own: what a worker may
/// say of its steps nobody else may. Others ask with a `JobRequest`.
///
/// Every call may throw an error of the connection (`retry` is `.transient`): nothing is known then, and the caller asks again.
protocol RunStore: Sendable {
    // MARK: workers

    /// Writes the worker's row with a lease of `lease` from now. An id is registered once.
    func register(_ worker: WorkerRegistration, lease: TimeSpan) async throws
    /// Renews the lease and tells what changed for this worker's steps. Nil: the worker was declared dead; it must stop everything.
    func heartbeat(_ worker: WorkerID, lease: TimeSpan) async throws -> HeartbeatReply?
    /// The worker runs nothing any more and claims no more.
    func retire(_ worker: WorkerID) async throws
    /// Declares workers dead whose lease has passed, and lists the jobs in which dead or retired workers still have running steps or
    /// windows. Each is to be given `.workerLost`.
    func lostWork(limit: Int) async throws -> [LostWork]

    /// Work of every tenant that nobody will ever do as things are.
    func stalled() async throws -> [StalledWork]
    /// Asks every rule of the machine of every step once more, whatever is remembered of the job.
    func settleAnew(_ job: JobID) async throws -> AppliedEvent
    /// Writes an alarm, one for all steps of a job that wait for the same, where there was none yet, and returns those.
    func raiseAlarm(of stalls: [StalledWork]) async throws -> [StalledWork]

    /// Workers of a host that count as alive: whoever shares the host can see whether their processes are.
    func neighbours(host: String) async throws -> [Neighbour]

    // MARK: steps

    /// Starts up to `request.limit` ready steps for the worker: undo first, then by class, priority with ageing, age.
    /// Each is a `.start` through the machine, with its holds taken in the same transaction.
    func claim(_ request: ClaimRequest) async throws -> [ClaimedStep]
    /// Loads the job, applies the event, writes what changed; repeats when another transition came first.
    func apply(_ event: RunEvent, to job: JobID) async throws -> AppliedEvent
    /// Jobs whose `nextTick` has passed.
    func dueJobs(limit: Int) async throws -> [JobID]
    /// Writes when the job is due next, where its row says something else than its run.
    func settleDue(_ job: JobID, _ run: JobRun) async throws
    /// Sets the job aside where the error is one of its rows: nobody meets it again until a person takes it up. False: the error is of another kind.
    func setAside(_ job: JobID, because error: any Error) async throws -> Bool
    /// How long until the next `nextTick` or the next `notBefore` of a ready step of any job; nil when there is none.
    func untilNextDue() async throws -> TimeSpan?

    // MARK: housekeeping

    /// Moves jobs that are over and clean out of the way, removes what is old in history. Any number of processes may.
    func tidy() async throws

    /// Whether any job holds one of the named resources.
    func isHeld(tenant: String, resources: Set<String>) async throws -> Bool

    // MARK: a job

    func loadRun(_ job: JobID) async throws -> JobRun?

    // MARK: the recorder; every write names the token and throws `StepError(.leaseLost)` when it is not the live one

    func saveCheckpoint(_ state: JSONValue, job: JobID, step: StepID, token: Int64) async throws
    func saveProgress(_ progress: [ProgressReport]) async throws
    func appendLog(_ lines: [LogLine]) async throws
    func base(tenant: String, systemIdentity: String, repositoryID: String) async throws -> Base?
    func proofs(tenant: String, repositoryID: String, notice: (String) -> Void) async throws -> [Proof]

    // MARK: wake-ups

    /// Tells other processes, outside of any transition's transaction, that there may be work (or a stop) for them.
    func notify() async throws
    /// As above, by a worker that need not hear of it itself (nil: there is no work), and which jobs have ended.
    func notify(by worker: WorkerID?, ended: [JobID]) async throws
    /// A stream that yields when anybody else has called `notify`; ends with the task that reads it. Losing the connection yields too.
    func notifications(except worker: WorkerID) -> AsyncStream<Void>
}

/// What a worker says of itself.
public struct WorkerRegistration: Sendable, Hashable {
    public var id: WorkerID
    public var host: String
    public var process: Int32
    public var labels: [String: String]
    public init(id: WorkerID, host: String, process: Int32, labels: [String: String]) {
        self.id = id
        self.host = host
        self.process = process
        self.labels = labels
    }
}

/// Bodies that this worker must stop: told so by the machine, or not its own any more.
public struct HeartbeatReply: Sendable, Hashable {
    public struct Stop: Sendable, Hashable {
        public var job: JobID
        public var step: StepID
        public var token: Int64
        public var reason: StopReason
        public init(job: JobID, step: StepID, token: Int64, reason: StopReason) {
            self.job = job
            self.step = step
            self.token = token
            self.reason = reason
        }
    }
    public var stops: [Stop]
    /// The schema's version, where a newer program than this one has made it.
    public var newerSchema: Int?
    public init(stops: [Stop], newerSchema: Int? = nil) {
        self.stops = stops
        self.newerSchema = newerSchema
    }
}

/// A worker of the same host.
public struct Neighbour: Sendable, Hashable {
    /// The label that a worker's registration carries beside its own.
    public static let label = "snappy-flow.process"
    public var worker: WorkerID
    /// What it said of its process.
    public var process: String
    public init(worker: WorkerID, process: String) {
        self.worker = worker
        self.process = process
    }
}

public struct LostWork: Sendable, Hashable {
    public var worker: WorkerID
    public var job: JobID
    public init(worker: WorkerID, job: JobID) {
        self.worker = worker
        self.job = job
    }
}

/// What a worker wants to claim.
public struct ClaimRequest: Sendable {
    /// Whose jobs. Both include jobs whose owner is dead.
    public enum Scope: Sendable, Hashable {
        /// Submitted jobs, which nobody owns.
        case fleet
        /// Jobs that this worker's own process runs (`snappy-flow run`).
        case owned
    }
    public var worker: WorkerID
    public var host: String
    public var labels: [String: String]
    public var scope: Scope
    public var limit: Int
    /// Steps of windows and undos only: the rest of the worker's slots are taken.
    public var urgentOnly: Bool
    /// Whether this worker can serve the step, and whether what it acquires is bound to this host. Nil: it stays ready for another.
    public var accepts: @Sendable (PlannedStep, Plan, JobTrust) -> Claimant?
    /// Why a step that is not accepted is left to others, for its job's journal; nil where there is nothing to say.
    public var reason: @Sendable (PlannedStep, Plan, JobTrust) -> StepError? = { _, _, _ in nil }

    public init(
        worker: WorkerID, host: String, labels: [String: String], scope: Scope, limit: Int, urgentOnly: Bool = false,
        accepts: @escaping @Sendable (PlannedStep, Plan, JobTrust) -> Claimant?
    ) {
        self.worker = worker
        self.host = host
        self.labels = labels
        self.scope = scope
        self.limit = limit
        self.urgentOnly = urgentOnly
        self.accepts = accepts
    }
}

/// Where a job came from, as its row says. `JobTrust` is what that is worth.
public enum JobOrigin: String, Sendable, Hashable, Codable {
    /// Run in the process of the person who wrote the document.
    case local
    /// Handed to the fleet: references, programs and paths only from the worker's allow-list.
    case submitted
}

/// A step that is the worker's now: the run as it is after the start.
public struct ClaimedStep: Sendable {
    public var job: JobID
    public var tenant: String
    /// What its plan's references may reach here.
    public var trust: JobTrust
    public var plan: Plan
    /// The job's parameters, defaults filled in.
    public var parameters: [String: JSONValue]
    public var run: JobRun
    public var step: StepID
    /// What an earlier attempt saved.
    public var checkpoint: JSONValue?

    public init(
        job: JobID, tenant: String, trust: JobTrust, plan: Plan, parameters: [String: JSONValue], run: JobRun, step: StepID,
        checkpoint: JSONValue?
    ) {
        self.job = job
        self.tenant = tenant
        self.trust = trust
        self.plan = plan
        self.parameters = parameters
        self.run = run
        self.step = step
        self.checkpoint = checkpoint
    }
}

/// What `apply` did: the machine's actions, `[.refused]` when nothing changed, and the run after it.
public struct AppliedEvent: Sendable {
    public var actions: [RunAction]
    public var run: JobRun
    public init(actions: [RunAction], run: JobRun) {
        self.actions = actions
        self.run = run
    }

    public var refusal: Refusal? {
        if case .refused(let refusal) = actions.first { refusal } else { nil }
    }

    /// True when something of what it changed becomes due by time alone.
    var bringsTime: Bool {
        actions.contains { action in
            switch action {
            case .job: run.job.deadline != nil && run.job.outcome == nil
            case .step(let id): run[id].map { $0.deadline != nil || $0.notBefore != nil } ?? false
            case .window(let id): run.window(id)?.holdUntil != nil
            default: false
            }
        }
    }
}

/// Where a running step is; written only while its token lives.
public struct ProgressReport: Sendable, Hashable {
    public var job: JobID
    public var step: StepID
    public var token: Int64
    public var progress: StepProgress
    public init(job: JobID, step: StepID, token: Int64, progress: StepProgress) {
        self.job = job
        self.step = step
        self.token = token
        self.progress = progress
    }
}

/// A line of a step's log.
public struct LogLine: Sendable, Hashable {
    public var job: JobID
    public var step: StepID
    public var attempt: Int
    public var level: LogLevel
    public var message: String
    public init(job: JobID, step: StepID, attempt: Int, level: LogLevel, message: String) {
        self.job = job
        self.step = step
        self.attempt = attempt
        self.level = level
        self.message = message
    }
}
