public import Basics

/// A node of the plan.
public struct PlannedStep: Sendable, Hashable, Codable {
    public var id: StepID
    /// `copy`, `verify`, ... For a compensation, the undo's word: `thaw`, `release`, `drop`.
    public var verb: String
    public var contractVersion: Int
    /// What the verb acts on.
    public var subject: Subject
    /// The verb's settings with defaults written out. Strings may hold `${...}`, resolved when the step starts.
    public var settings: [String: JSONValue]
    public var after: [Dependency]
    /// A condition `${...}`, evaluated when everything before is done; false skips the step.
    public var when: String?
    public var forEach: FanOut?
    /// The longest that one attempt may take.
    public var timeout: TimeSpan?
    public var retry: RetryPolicy
    public var continueOnError: Bool
    /// Labels that a worker must have.
    public var runOn: [String: String]
    /// Higher goes first within its class; 0 by default.
    public var priority: Int
    public var workClass: WorkClass
    /// The window that this step is a member of or that it closes.
    public var window: String?
    /// Held while the step runs (a window's systems: from first quiesce to last thaw).
    public var holds: [Hold]
    /// For an acquiring step: the compensation that undoes it.
    public var undoneBy: StepID?
    /// For a compensation: what it undoes. It becomes ready when `after` has ended, whatever way, and only if armed.
    public var undoes: StepID?
    /// The secrets that the step, and the undo of what it acquires, need.
    public var secrets: [SecretReference]
    /// Systems and repositories that it opens, by name, its undo's included.
    public var systems: [String]
    public var repositories: [String]
    /// The system snapshots that it reads: system name to the step that takes it. A system that is not here is read live.
    public var snapshots: [String: StepID]
    /// The systems of which another view is read than their types' own one.
    public var views: [String: SystemView]?
    /// The attachments that it reads: system name to the step that attaches it.
    public var attachments: [String: StepID]?
    /// In a member of a fan-out: what `${item}` is.
    public var item: JSONValue?

    public init(
        id: StepID, verb: String, contractVersion: Int = 1, subject: Subject = .none, settings: [String: JSONValue] = [:],
        after: [Dependency] = [], when: String? = nil, forEach: FanOut? = nil, timeout: TimeSpan? = nil, retry: RetryPolicy = RetryPolicy(),
        continueOnError: Bool = false, runOn: [String: String] = [:], priority: Int = 0, workClass: WorkClass = .backup,
        window: String? = nil, holds: [Hold] = [], undoneBy: StepID? = nil, undoes: StepID? = nil, secrets: [SecretReference] = [],
        systems: [String] = [], repositories: [String] = [], snapshots: [String: StepID] = [:], views: [String: SystemView]? = nil,
        attachments: [String: StepID]? = nil, item: JSONValue? = nil
    ) {
        self.id = id
        self.verb = verb
        self.contractVersion = contractVersion
        self.subject = subject
        self.settings = settings
        self.after = after
        self.when = when
        self.forEach = forEach
        self.timeout = timeout
        self.retry = retry
        self.continueOnError = continueOnError
        self.runOn = runOn
        self.priority = priority
        self.workClass = workClass
        self.window = window
        self.holds = holds
        self.undoneBy = undoneBy
        self.undoes = undoes
        self.secrets = secrets
        self.systems = systems
        self.repositories = repositories
        self.snapshots = snapshots
        self.views = views
        self.attachments = attachments
        self.item = item
    }

    public var isCompensation: Bool { undoes != nil }
}

/// What a verb acts on.
public enum Subject: Sendable, Hashable, Codable {
    case none
    /// One or several systems, by name.
    case systems([String])
    /// A repository, by name.
    case repository(String)
    /// An earlier step, as in `verify: copy`.
    case step(StepID)
    /// A repository snapshot: `latest`, an id, or `latest before TIME`.
    case snapshot(String)
}

/// An edge of the DAG and why it is there.
public struct Dependency: Sendable, Hashable, Codable {
    public enum Reason: String, Sendable, Hashable, Codable {
        /// Written above, or named in `after`.
        case order
        /// Its output is used.
        case output
        /// It belongs to the window that must be sealed first.
        case window
        /// A compensation waits for it to end, whatever way.
        case guarded
    }
    public var step: StepID
    public var reason: Reason
    public init(step: StepID, reason: Reason) {
        self.step = step
        self.reason = reason
    }
}

/// A step written once and run for each of several items.
public struct FanOut: Sendable, Hashable, Codable {
    /// A literal list, or a string `${...}` over parameters (expanded at submit) or outputs (expanded when the output exists).
    public var items: JSONValue
    public var maxParallel: Int?
    public init(items: JSONValue, maxParallel: Int? = nil) {
        self.items = items
        self.maxParallel = maxParallel
    }
}

/// The order in which a worker takes work: a lower value goes first.
public enum WorkClass: Int, Sendable, Hashable, Codable, CaseIterable, Comparable {
    case undo = 0, window, restore, backup, verify, prune
    public static func < (left: WorkClass, right: WorkClass) -> Bool { left.rawValue < right.rawValue }
}

/// A named resource held by a step: `repository/<id>`, `system/<identity>`, or a counted limit `limit/<name>`.
public struct Hold: Sendable, Hashable, Codable {
    public enum Mode: String, Sendable, Hashable, Codable { case shared, exclusive, counted }
    public var resource: String
    public var mode: Mode
    public init(resource: String, mode: Mode) {
        self.resource = resource
        self.mode = mode
    }
}
