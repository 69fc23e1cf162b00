/// An error that says everything an `Explanation` says. Every error of ours does, so that a layer above passes it on whole without knowing its type.
public protocol ExplainedError: Error, CustomStringConvertible {
    var explanation: Explanation { get set }
}

extension Explanation: ExplainedError {
    public var explanation: Explanation {
        get { self }
        set { self = newValue }
    }
}

extension ExplainedError {
    public var kind: ErrorKind {
        get { explanation.kind }
        set { explanation.kind = newValue }
    }
    public var expected: String {
        get { explanation.expected }
        set { explanation.expected = newValue }
    }
    public var found: String {
        get { explanation.found }
        set { explanation.found = newValue }
    }
    public var location: String {
        get { explanation.location }
        set { explanation.location = newValue }
    }
    public var advice: String {
        get { explanation.advice }
        set { explanation.advice = newValue }
    }
    public var retry: Retryability {
        get { explanation.retry }
        set { explanation.retry = newValue }
    }
    public var retryAfter: TimeSpan? {
        get { explanation.retryAfter }
        set { explanation.retryAfter = newValue }
    }

    /// The kind's word, for scripts: `wrong-password`, `no-space`.
    public var code: String { kind.rawValue }

    /// One line: where, what was expected, what was found, what to do.
    public var description: String {
        "\(location): expected \(expected), found \(found)" + (advice.isEmpty ? "" : "; \(advice)")
    }
}
