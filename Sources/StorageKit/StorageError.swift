public import Basics

/// What a store, a source or a destination answers when it can't do what it was asked to: the way to the bytes failed, not what they say.
public struct StorageError: ExplainedError, Sendable, Hashable {
    public var explanation: Explanation

    public init(_ explanation: Explanation) { self.explanation = explanation }

    public init(
        _ kind: ErrorKind, expected: String, found: String, at location: String, advice: String = "", retry: Retryability = .permanent,
        retryAfter: TimeSpan? = nil
    ) {
        explanation = Explanation(
            kind, expected: expected, found: found, at: location, advice: advice, retry: retry, retryAfter: retryAfter)
    }
}
