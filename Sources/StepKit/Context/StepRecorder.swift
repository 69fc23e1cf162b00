public import Basics

/// How a running body speaks to the engine. Everything written through it carries the lease's token: after the lease is lost it
/// changes nothing and throws `.leaseLost`.
public protocol StepRecorder: Sendable {
    /// A line of the step's log. Never pass a secret.
    func log(_ level: LogLevel, _ message: String)

    /// Where the step is. Cheap: kept in memory, written now and then.
    func progress(_ progress: StepProgress)

    /// Saves where a later attempt goes on. Cheap: no fsync of its own.
    func checkpoint(_ state: JSONValue) async throws

    /// Records what the undo needs to know, durably, beside what was armed when the step started.
    func recordUndo(_ state: [String: JSONValue]) async throws

    /// Throws when the lease is lost: asked before a write that can't be taken back.
    func ensureHeld() throws

    /// The base of (system, repository), if one is recorded.
    func base(systemIdentity: String, repositoryID: String) async throws -> Base?

    /// The recorded proofs of a repository's snapshots. Nil when they can't be known (no control database).
    func proofs(repositoryID: String) async throws -> [Proof]?
}

/// How much a line matters to whoever reads the log.
public enum LogLevel: String, Sendable, Hashable, Codable { case debug, info, warning, error }

/// How far a step is.
public struct StepProgress: Sendable, Hashable, Codable {
    /// Bytes that are through; never less than said before in the same attempt.
    public var bytesDone: Int64
    /// Nil when unknown.
    public var bytesTotal: Int64?
    /// Files, objects or what else the step counts.
    public var itemsDone: Int64
    /// Nil when unknown.
    public var itemsTotal: Int64?
    /// What it is at, for people.
    public var current: String
    public init(bytesDone: Int64 = 0, bytesTotal: Int64? = nil, itemsDone: Int64 = 0, itemsTotal: Int64? = nil, current: String = "") {
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
        self.itemsDone = itemsDone
        self.itemsTotal = itemsTotal
        self.current = current
    }
}
