public import Basics
public import LogKit
public import Logging
public import StepKit

/// What a worker is and may do. Times in spans, defaults in place.
public struct WorkerConfiguration: Sendable {
    /// The name of this machine: what is bound to a host is undone where this is the same.
    public var host: String
    /// What steps with `runOn` ask for.
    public var labels: [String: String]
    /// Steps at once; undos and windows have `urgentSlots` more.
    public var slots: Int
    public var urgentSlots: Int
    public var scope: ClaimRequest.Scope
    public var lease: TimeSpan
    /// The slow poll: the net below wake-ups.
    public var poll: TimeSpan
    /// Where steps put scratch data; created.
    public var scratchFolder: String
    /// Starts a guard: this binary and its hidden subcommand.
    public var guardCommand: [String]
    /// Paths that must not be frozen: the database's folder, state, cache, log.
    public var neverFreeze: [String]
    /// What is installed here: what a type needs and is not there makes its steps another worker's.
    public var machine = Machine()
    /// What submitted pipelines may reach.
    public var allowed: AllowList
    /// Jobs that are recorded as local are so to this worker, whoever wrote that: it trusts everybody who can write the database.
    public var adoptsLocal = false
    /// What is resolved for jobs that are run where they were written.
    public var environment: [String: String]?
    /// How long a shutdown waits for bodies before it gives their steps back.
    public var grace: TimeSpan
    /// Why no work is begun just now; undos, and what was begun, go on. Asked within claims: it must not block.
    public var shortage: @Sendable () -> StepError? = { nil }
    /// What an operator may want to read: attempts, jobs that end, a lost lease, a database that is away.
    public var log: Logger
    /// Called with what who waits for this very worker wants to know at once.
    public var news: @Sendable (News) -> Void = { _ in }

    public enum News: Sendable, Hashable {
        /// Its first claim is answered: what was ready has been started.
        case begun
        /// By a transition of its own.
        case jobEnded(JobID)
    }

    public init(
        host: String, labels: [String: String] = [:], slots: Int = 4, urgentSlots: Int = 4, scope: ClaimRequest.Scope = .fleet,
        lease: TimeSpan = .seconds(10), poll: TimeSpan = .seconds(2), scratchFolder: String,
        guardCommand: [String] = ["/proc/self/exe", "guard"], neverFreeze: [String] = [], allowed: AllowList = AllowList(),
        environment: [String: String]? = nil, grace: TimeSpan = .seconds(30), log: Logger = .silent
    ) {
        self.host = host
        self.labels = labels
        self.slots = slots
        self.urgentSlots = urgentSlots
        self.scope = scope
        self.lease = lease
        self.poll = poll
        self.scratchFolder = scratchFolder
        self.guardCommand = guardCommand
        self.neverFreeze = neverFreeze
        self.allowed = allowed
        self.environment = environment
        self.grace = grace
        self.log = log
    }

    /// What holds such a job here; nil: nothing does, for its author runs it, or is taken for its author.
    func allowList(for trust: JobTrust) -> AllowList? {
        switch trust {
        case .local: nil
        case .unproven: adoptsLocal ? nil : allowed
        case .submitted: allowed
        }
    }

    func secrets(for trust: JobTrust) -> EnvironmentSecrets { EnvironmentSecrets(environment: environment, allowed: allowList(for: trust)) }
}
