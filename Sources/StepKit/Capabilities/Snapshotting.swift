public import Basics

/// Can freeze a point in time that is read later.
public protocol Snapshotting: System {
    /// True when a copied snapshot is worth keeping as the base of the next increment.
    var keepsBase: Bool { get }

    /// Takes a snapshot named from `key` (job, step, window generation; at most 32 characters of `[a-z0-9-]`).
    func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot

    /// The snapshot of that key if there is one and it is whole: asked before an attempt of unknown outcome is repeated.
    func find(key: String, _ context: StepContext) async throws -> SystemSnapshot?

    /// Removes what `snapshot(key:)` made, whole or half made. Idempotent: works when nothing is there.
    func release(key: String, _ context: StepContext) async throws

    /// Whether a snapshot holds something that only its readers need, and that `retire` gives back.
    var retires: Bool { get }

    /// Nobody reads the snapshot any more; it is kept as the base of the next increment alone. What it holds beside that may go. Idempotent.
    func retire(key: String, _ context: StepContext) async throws
}

extension Snapshotting {
    /// False unless a type says otherwise.
    public var retires: Bool { false }
    /// Does nothing: for types whose snapshots hold nothing that only readers need.
    public func retire(key: String, _ context: StepContext) async throws {}
}

/// A system snapshot as recorded: the key it is named from and what the plug-in needs to open it again.
public struct SystemSnapshot: Sendable, Hashable, Codable {
    /// The key that it was taken under: `find` and `release` take the same.
    public var key: String
    /// The plug-in's own: whatever it needs to open the snapshot in another process. No secrets.
    public var state: JSONValue
    public init(key: String, state: JSONValue = .object([:])) {
        self.key = key
        self.state = state
    }
}
