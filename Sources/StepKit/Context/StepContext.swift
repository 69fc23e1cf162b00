public import Basics
public import FlowModel
import StorageKit

/// Everything that a step's body may know and touch.
public struct StepContext: Sendable {
    public var job: JobID
    public var tenant: String
    public var plan: Plan
    public var step: PlannedStep
    /// 1 for the first try.
    public var attempt: Int
    /// Stable over attempts: names what the step makes outside. At most 32 characters of `[a-z0-9-]`.
    public var key: String
    /// The step's settings, expressions resolved.
    public var settings: Settings
    /// Outputs of the steps that have ended, by step id.
    public var outputs: [StepID: [String: JSONValue]]
    /// What an earlier attempt saved.
    public var checkpoint: JSONValue?
    /// In an undo: what was recorded of the acquired resource.
    public var undoState: [String: JSONValue]
    public var catalog: Catalog
    public var secrets: any SecretResolver
    public var recorder: any StepRecorder
    /// A folder of the worker for scratch data; exists.
    public var scratchFolder: String
    /// In a check: the folder that holds the restored tree; nil when it was restored into the system itself.
    public var restoredFolder: String?
    /// While a system is opened: its identity, the declared one where the document declares one; with the type's name in front.
    public var openedIdentity: String?
    /// Paths that the engine itself needs: see `refuseFreezing`.
    public var neverFreeze: [String] = []

    public init(
        job: JobID, tenant: String, plan: Plan, step: PlannedStep, attempt: Int, key: String, settings: Settings,
        outputs: [StepID: [String: JSONValue]], checkpoint: JSONValue?, undoState: [String: JSONValue], catalog: Catalog,
        secrets: any SecretResolver, recorder: any StepRecorder, scratchFolder: String
    ) {
        self.job = job
        self.tenant = tenant
        self.plan = plan
        self.step = step
        self.attempt = attempt
        self.key = key
        self.settings = settings
        self.outputs = outputs
        self.checkpoint = checkpoint
        self.undoState = undoState
        self.catalog = catalog
        self.secrets = secrets
        self.recorder = recorder
        self.scratchFolder = scratchFolder
    }
}

extension StepContext {
    /// Opens a declared system by name.
    public func openSystem(_ name: String) async throws -> any System {
        guard let planned = plan.systems[name] else {
            throw StepError(.invalidSetting, expected: "a declared system", found: name, at: "step \(step.id)")
        }
        guard let type = catalog.system(planned.type) else {
            throw StepError(
                .invalidSetting, expected: "a system type that this worker has, built in or as a plug-in", found: planned.type,
                at: "system \(name)",
                advice: "run a worker whose `snappy-flow plugins list` shows it, or put the plug-in into its folder (docs/plug-ins.md)")
        }
        var context = self
        context.openedIdentity = planned.identity
        return try await type.open(Settings(planned.settings, origin: "system \(name)"), context)
    }

    /// Opens a declared system that must have a capability.
    public func openSystem<Kind>(_ name: String, as kind: Kind.Type) async throws -> Kind {
        let system = try await openSystem(name)
        guard let capable = system as? Kind else {
            throw StepError(
                .invalidSetting, expected: "a system that is \(kind)", found: plan.systems[name]?.type ?? name, at: "step \(step.id)")
        }
        return capable
    }
}
