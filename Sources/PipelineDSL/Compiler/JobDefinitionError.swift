public import FlowModel

/// Why a plan and its parameters make no job.
public struct JobDefinitionError: ExplainedError, Sendable, Hashable {
    public var code: String
    public var expected: String
    public var found: String
    public var location: String
    public var advice: String
    public var retry: Retryability { .permanent }

    init(_ code: String, expected: String, found: String, at location: String, advice: String = "") {
        self.code = code
        self.expected = expected
        self.found = found
        self.location = location
        self.advice = advice
    }

    init(_ error: any ExplainedError, at location: String) {
        self.init(error.code, expected: error.expected, found: error.found, at: location, advice: error.advice)
    }
}
