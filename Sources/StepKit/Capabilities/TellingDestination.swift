public import Basics
public import StorageKit

/// A destination that has more to say of a restore than how much there was: who got which rights, for one.
public protocol TellingDestination: TreeDestination {
    /// As `withTreeWriter`. Beside what `body` returned, outputs of the step; none takes the place of the step's own.
    func withTellingWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> (Result, outputs: [String: JSONValue])
}

extension TellingDestination {
    /// The same, for who asks for nothing more.
    public func withTreeWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        try await withTellingWriter(overwrite: overwrite, context, body).0
    }
}
