import Basics

/// Runs a body whose task may be cancelled. What it throws then is the cancel, whatever that made it stumble over: a connection that was closed under it, a
/// program that was ended. Who asked for the end has met no fault. What is left half written is told all the same, and a lease that was lost.
///
/// `stumbledOver` is told what it was.
public func cancellable<Value: Sendable>(
    stumbledOver: @Sendable (StepError) -> Void = { _ in }, _ body: @Sendable () async throws -> Value
) async throws -> Value {
    do {
        return try await body()
    } catch let error where Task.isCancelled && !(error is CancellationError) {
        let what = StepError(wrapping: error, at: "")
        if what.kind == .halfWritten || what.kind == .leaseLost { throw error }
        if what.kind != .cancelled { stumbledOver(what) }
        throw CancellationError()
    }
}
