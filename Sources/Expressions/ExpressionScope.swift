public import Basics

/// What an expression can see.
public struct ExpressionScope: Sendable {
    public var parameters: [String: JSONValue]
    /// Outputs of the steps that have ended. A skipped step has none: its outputs are null.
    public var outputs: [StepID: [String: JSONValue]]
    /// `id`, `createdAt` (RFC 3339).
    public var job: [String: JSONValue]
    /// `name`, `labels`.
    public var pipeline: [String: JSONValue]
    /// The item of a fan-out's member.
    public var item: JSONValue?

    public init(
        parameters: [String: JSONValue] = [:], outputs: [StepID: [String: JSONValue]] = [:], job: [String: JSONValue] = [:],
        pipeline: [String: JSONValue] = [:], item: JSONValue? = nil
    ) {
        self.parameters = parameters
        self.outputs = outputs
        self.job = job
        self.pipeline = pipeline
        self.item = item
    }
}

/// What an expression names, for the compiler's checks.
public enum ExpressionReference: Sendable, Hashable {
    case parameter(String)
    case output(step: String, name: String)
    case job(String)
    case pipeline(String)
    case item([String])
}
