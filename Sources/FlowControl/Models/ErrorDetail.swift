public import Basics
import FlowModel

/// An explained error in its parts.
public struct ErrorDetail: Sendable, Hashable, Codable, CustomStringConvertible {
    public var kind: ErrorKind
    public var expected: String
    public var found: String
    /// The path, object, row, address or step.
    public var location: String
    /// What to do; empty when there is nothing to say.
    public var advice: String
    public var retry: Retryability
    /// The earliest sensible time for a retry, from the failure.
    public var retryAfterSeconds: Double?

    private enum CodingKeys: String, CodingKey {
        case kind, expected, found
        case location = "where"
        case advice, retry, retryAfterSeconds
    }

    public init(_ error: Explanation) {
        kind = error.kind
        expected = error.expected
        found = error.found
        location = error.location
        advice = error.advice
        retry = error.retry
        retryAfterSeconds = error.retryAfter?.seconds
    }

    /// One line, as `ExplainedError` says it.
    public var description: String { "\(location): expected \(expected), found \(found)" + (advice.isEmpty ? "" : "; \(advice)") }
}
