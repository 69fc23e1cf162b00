public import Basics

/// Why a step, or anything that a plug-in was asked for, failed.
public struct StepError: ExplainedError, Sendable, Hashable {
    /// The error in its parts.
    public var explanation: Explanation

    public init(_ explanation: Explanation) { self.explanation = explanation }

    public init(
        _ kind: ErrorKind, expected: String, found: String, at location: String, advice: String = "", retry: Retryability = .permanent,
        retryAfter: TimeSpan? = nil
    ) {
        explanation = Explanation(
            kind, expected: expected, found: found, at: location, advice: advice, retry: retry, retryAfter: retryAfter)
    }

    /// Any error as a StepError: explained errors whole, what is unknown counts as transient.
    public init(wrapping error: any Error, at location: String) {
        explanation = Explanation(error, at: location)
    }
}
