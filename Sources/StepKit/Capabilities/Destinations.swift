public import StorageKit

/// Receives a restored file tree.
public protocol TreeDestination: System {
    /// Lends a writer. `overwrite` allows replacing files that are there; without it they are refused.
    /// When `body` throws, what was written may stay, but no half-written file does.
    func withTreeWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result

    /// Whether nothing is there that a restore could replace; nil where the system has no way to tell but to be read as a source.
    func isEmpty(_ context: StepContext) async throws -> Bool?
}

extension TreeDestination {
    /// Nil: not known, unless a type says otherwise.
    public func isEmpty(_ context: StepContext) async throws -> Bool? { nil }
}

/// Receives a restored block image.
public protocol ImageDestination: System {
    /// Lends a writer of a whole image, of the size that is said and like its source where the system knows how.
    func withImageWriter<Result: Sendable>(
        of image: ImageDescription, overwrite: Bool, _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result

    /// Lends a writer of a part of the image that is there: nothing is made, resized or replaced, and what is not written stays. Refuses
    /// an image that ends before the part does, and one that somebody uses.
    func withImageWriter<Result: Sendable>(
        within part: Range<Int64>, _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result
}
