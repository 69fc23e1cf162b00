public import Basics

/// A verb: what a step does. Bodies run in a task that is cancelled when the job is, when the timeout passes, or when the lease is lost.
public protocol Verb: Sendable {
    var declaration: VerbDeclaration { get }

    /// What is wrong with settings that have the right shapes. Pure; of a setting with an expression in it nobody asks.
    func problems(in settings: Settings) -> [SettingProblem]

    /// What is wrong with settings for what the step acts on. Pure; systems that are not declared well are left out. Values may be expressions.
    func problems(in settings: Settings, about subject: StepSubject) -> [SettingProblem]

    /// Does the step. May be called again for the same step after a crash (`context.attempt`, `context.checkpoint`); must find what an
    /// earlier attempt left, by `context.key`, instead of making it twice.
    func run(_ context: StepContext) async throws -> StepResult

    /// Undoes what `run` acquired. Idempotent; `context.undoState` is what was recorded, empty when the attempt died before it recorded anything.
    func undo(_ context: StepContext) async throws -> StepResult
}

extension Verb {
    /// Nothing beyond what the schema says.
    public func problems(in settings: Settings) -> [SettingProblem] { [] }
    /// Nothing beyond what the schema says.
    public func problems(in settings: Settings, about subject: StepSubject) -> [SettingProblem] { [] }
    /// Does nothing: for verbs that acquire nothing.
    public func undo(_ context: StepContext) async throws -> StepResult { StepResult() }
}

/// What a step came to.
public struct StepResult: Sendable {
    /// By the names that the declaration gives; later steps and the API read them. No secrets.
    public var outputs: [String: JSONValue]
    /// What was declared tolerable and was missed; not empty makes the job partial.
    public var missed: [String]
    /// What was verified on the way, and how it turned out.
    public var proofs: [Proof]
    /// A system snapshot that was copied whole and should live on as the base of (system, repository).
    public var bases: [Base]
    /// The step fails with this, but its outputs and proofs are recorded all the same: a verification that found damage.
    public var failure: StepError?

    public init(
        outputs: [String: JSONValue] = [:], missed: [String] = [], proofs: [Proof] = [], bases: [Base] = [], failure: StepError? = nil
    ) {
        self.outputs = outputs
        self.missed = missed
        self.proofs = proofs
        self.bases = bases
        self.failure = failure
    }
}

/// A recorded verification of a repository snapshot.
public struct Proof: Sendable, Hashable, Codable {
    /// How much of a snapshot was looked at, from the least to the most.
    public enum Level: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
        case metadata, sample, all, restore
        public static func < (left: Level, right: Level) -> Bool {
            (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
        }
    }
    /// The repository's own id (from its config), and the snapshot's.
    public var repositoryID: String
    /// The repository snapshot's id, whole.
    public var snapshotID: String
    /// How much of it was looked at.
    public var level: Level
    /// False: the verification found damage.
    public var isGood: Bool
    /// What was found, for people and for later verifications.
    public var details: JSONValue
    public init(repositoryID: String, snapshotID: String, level: Level, isGood: Bool, details: JSONValue = .object([:])) {
        self.repositoryID = repositoryID
        self.snapshotID = snapshotID
        self.level = level
        self.isGood = isGood
        self.details = details
    }
}

/// A system snapshot kept as the start of the next increment.
public struct Base: Sendable, Hashable, Codable {
    /// What the system is, as `SystemType.identity` or the document says it.
    public var systemIdentity: String
    /// The repository's own id, from its config.
    public var repositoryID: String
    /// The repository snapshot that holds the same point in time.
    public var snapshotID: String
    /// What is kept.
    public var snapshot: SystemSnapshot
    /// The step that acquired it: its release is disarmed when the base is recorded.
    public var acquiredBy: StepID
    /// The snapshot holds what only its readers need (`Snapshotting.retires`): its undo runs to give that back. Nil is false.
    public var retires: Bool?
    public init(
        systemIdentity: String, repositoryID: String, snapshotID: String, snapshot: SystemSnapshot, acquiredBy: StepID,
        retires: Bool = false
    ) {
        self.retires = retires ? true : nil
        self.systemIdentity = systemIdentity
        self.repositoryID = repositoryID
        self.snapshotID = snapshotID
        self.snapshot = snapshot
        self.acquiredBy = acquiredBy
    }
}
