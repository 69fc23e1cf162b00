public import Basics

/// Checks a restored scratch copy in the system's own way. The settings of a check are the type's (`SystemType.checkSchema`).
public protocol Verifying: System {
    /// Runs one check of what lies in `context.restoredFolder`, or in the system itself. Throws `StepError` of kind `.verification` when the copy is not good. Returns facts worth recording.
    func check(_ settings: Settings, _ context: StepContext) async throws -> [String: JSONValue]
    /// Runs the checks of one restored copy, in order; the facts of each. What they share, a scratch server, is made once.
    func check(each checks: [Settings], _ context: StepContext) async throws -> [[String: JSONValue]]
}

extension Verifying {
    /// One after the other, each on its own: for types whose checks share nothing.
    public func check(each checks: [Settings], _ context: StepContext) async throws -> [[String: JSONValue]] {
        var facts: [[String: JSONValue]] = []
        for settings in checks { facts.append(try await check(settings, context)) }
        return facts
    }
}

/// Lists what could be protected, so that the unprotected can be named.
public protocol Discovering: System {
    func discover(_ context: SystemContext) async throws -> [DiscoveredItem]
}

/// Something that could be protected.
public struct DiscoveredItem: Sendable, Hashable {
    /// As `SystemType.identity` would give it.
    public var identity: String
    /// For people, in one line: what it is and how large.
    public var summary: String
    public init(identity: String, summary: String) {
        self.identity = identity
        self.summary = summary
    }
}
