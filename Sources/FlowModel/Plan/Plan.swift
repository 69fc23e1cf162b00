public import Basics

/// What a pipeline compiles into: an immutable DAG with defaults expanded and plug-in contract versions pinned.
///
/// A plan is stored and hashed as canonical JSON; two documents that mean the same give the same bytes.
/// It holds no secret, only references to secrets.
public struct Plan: Sendable, Hashable, Codable {
    /// The version of this structure. A binary reads the previous version's plans too.
    public var format: Int
    public var pipeline: String
    public var labels: [String: String]
    public var parameters: [String: PlannedParameter]
    public var systems: [String: PlannedSystem]
    public var repositories: [String: PlannedRepository]
    /// Counted limits by name: at most this many holders at once.
    public var limits: [String: Int]
    /// Every step, compensations included, each after all that it depends on.
    public var steps: [PlannedStep]
    public var windows: [PlannedWindow]
    /// Validated, kept for the scheduler, the objectives' watch, and the hooks.
    public var schedule: JSONValue?
    public var objectives: JSONValue?
    public var blackouts: JSONValue?
    public var hooks: JSONValue?

    public static let currentFormat = 1

    public init(
        pipeline: String, labels: [String: String] = [:], parameters: [String: PlannedParameter] = [:],
        systems: [String: PlannedSystem] = [:], repositories: [String: PlannedRepository] = [:], limits: [String: Int] = [:],
        steps: [PlannedStep], windows: [PlannedWindow] = [], schedule: JSONValue? = nil, objectives: JSONValue? = nil,
        blackouts: JSONValue? = nil, hooks: JSONValue? = nil
    ) {
        format = Self.currentFormat
        self.pipeline = pipeline
        self.labels = labels
        self.parameters = parameters
        self.systems = systems
        self.repositories = repositories
        self.limits = limits
        self.steps = steps
        self.windows = windows
        self.schedule = schedule
        self.objectives = objectives
        self.blackouts = blackouts
        self.hooks = hooks
    }

    public func step(_ id: StepID) -> PlannedStep? { steps.first { $0.id == id } }
}

/// A declared parameter: its type's name, and its default when it has one.
public struct PlannedParameter: Sendable, Hashable, Codable {
    public var type: String
    public var defaultValue: JSONValue?
    public init(type: String, defaultValue: JSONValue? = nil) {
        self.type = type
        self.defaultValue = defaultValue
    }
}

/// A system as the plan pins it. `settings` has every default written out.
public struct PlannedSystem: Sendable, Hashable, Codable {
    public var type: String
    public var contractVersion: Int
    public var settings: [String: JSONValue]
    /// What it is, whatever it is called: `directory:/srv/home`. The key of mutual exclusion and of bases.
    public var identity: String
    /// The host recorded in repository snapshots; the system's name where none is declared.
    public var host: String
    /// Of a system of several parts: what each is read as, by name, as far as its settings say. Nil for a system that is one thing.
    public var parts: [String: SystemView]?
    public init(
        type: String, contractVersion: Int, settings: [String: JSONValue], identity: String, host: String,
        parts: [String: SystemView]? = nil
    ) {
        self.parts = parts
        self.type = type
        self.contractVersion = contractVersion
        self.settings = settings
        self.identity = identity
        self.host = host
    }
}

/// A repository as the plan pins it: the object store's type and settings, and how it is unlocked.
public struct PlannedRepository: Sendable, Hashable, Codable {
    public var type: String
    public var contractVersion: Int
    public var settings: [String: JSONValue]
    public var identity: String
    public var password: SecretReference
    /// False: a copy into a repository that does not exist is an error instead of its creation.
    public var create: Bool
    /// How the store is used: what was declared of the keys that every repository has (`StoreAccess`). Nil when nothing was.
    public var access: [String: JSONValue]?
    /// The name of the repository whose store holds the same; nil for none.
    public var mirror: String?
    public init(
        type: String, contractVersion: Int, settings: [String: JSONValue], identity: String, password: SecretReference, create: Bool,
        access: [String: JSONValue]? = nil, mirror: String? = nil
    ) {
        self.mirror = mirror
        self.type = type
        self.contractVersion = contractVersion
        self.settings = settings
        self.identity = identity
        self.password = password
        self.create = create
        self.access = access
    }
}

/// From the first quiesce to the last thaw. One worker claims it whole.
public struct PlannedWindow: Sendable, Hashable, Codable {
    public var id: String
    /// The quiesce, snapshot and instant steps, in order.
    public var members: [StepID]
    public var thaws: [StepID]
    /// The longest that anything in it may stay frozen.
    public var maxHold: TimeSpan
    public init(id: String, members: [StepID], thaws: [StepID], maxHold: TimeSpan) {
        self.id = id
        self.members = members
        self.thaws = thaws
        self.maxHold = maxHold
    }
}
