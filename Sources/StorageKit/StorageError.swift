public import FlowModel

/// What a store, a source or a destination answers when it can't do what it was asked to.
public struct StorageError: ExplainedError, Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
        case notFound, exists, accessDenied, noSpace, truncated, changed, retained, unavailable, unsupported, invalid, failed
    }
    public var kind: Kind
    public var code: String { kind.rawValue }
    public var expected: String
    public var found: String
    /// The path, object or address.
    public var location: String
    public var advice: String
    public var retry: Retryability
    /// What a server asked for before the next try (RFC 9110, 10.2.3).
    public var retryAfter: TimeSpan?

    public init(
        _ kind: Kind, expected: String, found: String, at location: String, advice: String = "", retry: Retryability = .permanent,
        retryAfter: TimeSpan? = nil
    ) {
        self.retryAfter = retryAfter
        self.kind = kind
        self.expected = expected
        self.found = found
        self.location = location
        self.advice = advice
        self.retry = retry
    }
}
