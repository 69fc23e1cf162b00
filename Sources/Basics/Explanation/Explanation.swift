/// Why something failed: what was expected, what was found, where, what to do next, and whether a retry helps.
///
/// It is one value from the call that failed to the row, the terminal and the API that tell of it: through a child process, a plug-in's protocol
/// and the database nothing of it is lost. It is an error itself. A module has an error type of its own around it only where somebody asks
/// which of two sides failed (`StorageError`: the way to the bytes, `RepositoryError`: what they say).
public struct Explanation: Error, Sendable, Hashable {
    public var kind: ErrorKind
    public var expected: String
    public var found: String
    /// The path, object, row, address or step.
    public var location: String
    /// What to do next; empty when there is nothing to say.
    public var advice: String
    public var retry: Retryability
    /// The earliest sensible time for a retry, from the failure: what a server or a plug-in asked for (RFC 9110, 10.2.3).
    public var retryAfter: TimeSpan?

    public init(
        _ kind: ErrorKind, expected: String, found: String, at location: String, advice: String = "", retry: Retryability = .permanent,
        retryAfter: TimeSpan? = nil
    ) {
        self.kind = kind
        self.expected = expected
        self.found = found
        self.location = location
        self.advice = advice
        self.retry = retry
        self.retryAfter = retryAfter
    }

    /// Any error: explained ones as they are; what is unknown counts as transient.
    public init(_ error: any Error, at location: String) {
        self =
            switch error {
            case let error as any ExplainedError: error.explanation
            case is CancellationError:
                Explanation(.cancelled, expected: "it to finish", found: "it was told to stop", at: location, retry: .transient)
            default: Explanation(.failed, expected: "it to succeed", found: String(describing: error), at: location, retry: .transient)
            }
    }
}

/// As it is stored and printed: `code`, `expected`, `found`, `location`, `advice`, `retry`, and `retryAfter` where there is one.
extension Explanation: Codable {
    private enum CodingKeys: String, CodingKey {
        case kind = "code"
        case expected, found, location, advice, retry, retryAfter
    }
}
