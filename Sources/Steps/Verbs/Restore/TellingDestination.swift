import Basics
import StepKit
import StorageKit

/// A destination that has more to say of a restore than how much there was: who got which rights, for one.
protocol TellingDestination: TreeDestination {
    /// As `withTreeWriter`. Beside what `body` returned, outputs of the step.
    func withTellingWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> (Result, outputs: [String: JSONValue])
}

extension TellingDestination {
    func withTreeWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        try await withTellingWriter(overwrite: overwrite, context, body).0
    }
}
