public import FlowModel

/// Why a server did not start, or ended.
public struct RestServerError: ExplainedError, Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable { case invalidSetting, unreadable, cannotListen, failed }
    public var kind: Kind
    public var code: String { kind.rawValue }
    public var expected: String
    public var found: String
    public var location: String
    public var advice: String
    public var retry: Retryability { kind == .cannotListen ? .transient : .permanent }

    init(_ kind: Kind, expected: String, found: String, at location: String, advice: String) {
        self.kind = kind
        self.expected = expected
        self.found = found
        self.location = location
        self.advice = advice
    }

    static func setting(_ expected: String, _ found: String, at location: String, _ advice: String) -> RestServerError {
        RestServerError(.invalidSetting, expected: expected, found: found, at: location, advice: advice)
    }
}
