public import Basics
import FlowModel
public import Foundation

/// What a system is opened with and asked what is there, beside its settings: nothing of a plan, so that whoever wants to look at a system can open it.
public struct SystemContext: Sendable {
    /// Resolves references on this machine.
    public var secrets: any SecretResolver
    /// A folder of the worker for scratch data; exists.
    public var scratchFolder: String
    /// A line for who asked: of the step's log, where a step did. Never pass a secret.
    public var log: @Sendable (LogLevel, String) -> Void
    /// The name of the machine that asks.
    public var host: String
    /// What the document says that the system is, with the type's name in front; nil where it says nothing, or where there is no document.
    public var declaredIdentity: String?
    /// The step that needs the system; nil where none does. It names things: what a step is allowed and told is in its own context.
    public var step: StepName?
    /// Paths that the engine itself needs: a file system that holds one of them is not to be frozen.
    public var neverFreeze: [String] = []

    public init(
        secrets: any SecretResolver, scratchFolder: String, host: String = ProcessInfo.processInfo.hostName,
        log: @escaping @Sendable (LogLevel, String) -> Void
    ) {
        self.secrets = secrets
        self.scratchFolder = scratchFolder
        self.host = host
        self.log = log
    }
}

/// A step's try, by name: for what is made outside, and for logs.
public struct StepName: Sendable, Hashable {
    /// The job that the step belongs to.
    public var job: JobID
    /// Whose job it is.
    public var tenant: String
    /// The step's id in its plan.
    public var step: StepID
    /// What it does.
    public var verb: String
    /// 1 for the first try.
    public var attempt: Int
    /// Stable over attempts, as `StepContext.key`.
    public var key: String

    public init(job: JobID, tenant: String, step: StepID, verb: String, attempt: Int, key: String) {
        self.job = job
        self.tenant = tenant
        self.step = step
        self.verb = verb
        self.attempt = attempt
        self.key = key
    }
}
