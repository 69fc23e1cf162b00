public import Basics

/// Can bring an application to a consistent rest.
public protocol Quiescing: System {
    var quiesceKind: QuiesceKind { get }

    /// Freezes. `key` names the freeze (at most 32 characters of `[a-z0-9-]`); the returned outputs are recorded as undo state beside it
    /// and are the step's outputs. When it throws, thaw is called all the same.
    func quiesce(key: String, maxHold: TimeSpan, _ context: StepContext) async throws -> [String: JSONValue]

    /// Undoes the freeze. Idempotent; works from the recorded state alone, in another process, after a crash, when `quiesce`
    /// recorded nothing (`state` is empty), and when nothing is frozen. May return outputs (a database's backup label; see
    /// `TreeCompleting`); one named `lost` says why the freeze had not lasted, and voids the window.
    func thaw(key: String, state: [String: JSONValue], _ context: StepContext) async throws -> [String: JSONValue]
}

/// How long a freeze lives: who can undo it.
public enum QuiesceKind: String, Sendable, Hashable {
    /// Thaw works from recorded state in any process.
    case recorded
    /// The freeze dies with its session; losing the session voids the window. A thaw that returns nothing of a freeze that was recorded counts as
    /// a lost session.
    case session
}
