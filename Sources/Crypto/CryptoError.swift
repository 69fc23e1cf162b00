public import FlowModel

/// What can go wrong with good contexts: data that was not sealed with this key, or parameters libcrypto refuses.
public struct CryptoError: ExplainedError, Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
        case notAuthentic = "not-authentic"
        case badParameters = "bad-parameters"
    }
    public var kind: Kind
    public var expected: String
    public var found: String
    public var location: String
    public var advice: String
    public var retry: Retryability { .permanent }
    public var code: String { kind.rawValue }

    init(_ kind: Kind, expected: String, found: String, at location: String, advice: String) {
        self.kind = kind
        self.expected = expected
        self.found = found
        self.location = location
        self.advice = advice
    }
}
