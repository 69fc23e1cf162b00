public import FlowModel

/// What is wrong with an expression, or with what it refers to.
public struct ExpressionError: ExplainedError, Sendable, Hashable {
    public var code: String
    public var expected: String
    public var found: String
    public var location: String
    public var advice: String
    /// The same expression over the same values gives the same error.
    public var retry: Retryability { .permanent }

    public init(_ code: String, expected: String, found: String, at location: String, advice: String = "") {
        self.code = code
        self.expected = expected
        self.found = found
        self.location = location
        self.advice = advice
    }
}
