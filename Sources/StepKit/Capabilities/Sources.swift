public import StorageKit

/// Opens a point in time as a file tree.
public protocol TreeSource: System {
    /// Lends a reader of `snapshot`, or of the live system when nil. The reader is dead when `body` has returned.
    func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result
}

/// Opens a point in time as a block image.
public protocol ImageSource: System {
    func withImage<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any ImageReader) async throws -> Result
    ) async throws -> Result
}
