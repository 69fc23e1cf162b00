public import Basics
public import FlowModel
public import Foundation
import StorageKit

/// Everything that a step's body may know and touch.
public struct StepContext: Sendable {
    /// The job that the step belongs to.
    public var job: JobID
    /// Whose job it is: `default` where nobody said anything else.
    public var tenant: String
    /// The whole plan: systems and repositories are looked up in it by name.
    public var plan: Plan
    /// The step as planned; its settings may have expressions still, `settings` has none.
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
    /// The plug-ins of this worker.
    public var catalog: Catalog
    /// Resolves references where the worker runs.
    public var secrets: any SecretResolver
    /// Where log, progress and checkpoints go.
    public var recorder: any StepRecorder
    /// A folder of the worker for scratch data; exists.
    public var scratchFolder: String
    /// The name of the worker's machine.
    public var host: String
    /// In a check: the folder that holds the restored tree; nil when it was restored into the system itself.
    public var restoredFolder: String?
    /// Paths that the engine itself needs: see `refuseFreezing`.
    public var neverFreeze: [String] = []

    public init(
        job: JobID, tenant: String, plan: Plan, step: PlannedStep, attempt: Int, key: String, settings: Settings,
        outputs: [StepID: [String: JSONValue]], checkpoint: JSONValue?, undoState: [String: JSONValue], catalog: Catalog,
        secrets: any SecretResolver, recorder: any StepRecorder, scratchFolder: String, host: String = ProcessInfo.processInfo.hostName
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
        self.host = host
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
        return try await type.open(Settings(planned.settings, origin: "system \(name)"), system(identity: planned.identity))
    }

    /// What a system is opened with for this step. `identity`: what the document says that it is.
    public func system(identity: String? = nil) -> SystemContext {
        var context = SystemContext(secrets: secrets, scratchFolder: scratchFolder, host: host) { [recorder] in recorder.log($0, $1) }
        context.declaredIdentity = identity
        context.step = StepName(job: job, tenant: tenant, step: step.id, verb: step.verb, attempt: attempt, key: key)
        context.neverFreeze = neverFreeze
        return context
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
