/// Whether doing the same again can help.
public enum Retryability: String, Sendable, Hashable, Codable {
    /// The same call may succeed later: a server that is down, a full disk that may be emptied.
    case transient
    /// It fails again until somebody changes something.
    case permanent
    /// Somebody else did it first: look at what is there now.
    case lostRace
}

/// What every error of ours says. Each module's error type conforms, so that a layer above can pass the parts on without knowing the type.
public protocol ExplainedError: Error, CustomStringConvertible {
    /// A short stable word for scripts: `wrong-password`, `no-space`.
    var code: String { get }
    var expected: String { get }
    var found: String { get }
    /// The path, object, row, address or step.
    var location: String { get }
    /// What to do next; empty when there is nothing to say.
    var advice: String { get }
    var retry: Retryability { get }
}

extension ExplainedError {
    /// One line: where, what was expected, what was found, what to do.
    public var description: String {
        "\(location): expected \(expected), found \(found)" + (advice.isEmpty ? "" : "; \(advice)")
    }
}
