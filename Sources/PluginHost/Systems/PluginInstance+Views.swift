public import Basics
public import StepKit
public import StorageKit

/// Its files and its disk, to be read and to be restored to.
extension PluginInstance {
    // MARK: reading

    public func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        try await plugin.withTree(["snapshot": try snapshot.message()], context, body)
    }

    public func withImage<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any ImageReader) async throws -> Result
    ) async throws -> Result {
        try await plugin.withImage(["snapshot": try snapshot.message()], context, body)
    }

    public func withParts<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable ([OpenPart]) async throws -> Result
    ) async throws -> Result {
        let arguments = plugin.arguments(["snapshot": try snapshot.message()], context)
        return try await plugin.lend({ try PluginParts($0, arguments) }, close: { $0.close(failed: $1) }) { try await body($0.open) }.0
    }

    // MARK: restoring

    public func withTreeWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        try await withTellingWriter(overwrite: overwrite, context, body).0
    }

    public func withTellingWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> (Result, outputs: [String: JSONValue]) {
        let arguments = plugin.arguments(["overwrite": .bool(overwrite)], context)
        return try await plugin.lend({ try PluginTreeWriter($0, arguments) }, close: { try $0.close(failed: $1) }, body)
    }

    public func isEmpty(_ context: StepContext) async throws -> Bool? {
        let arguments = plugin.arguments([:], context)
        return try await session.run(stopping: true) { process -> Bool? in
            do {
                return try process.call("empty", arguments).result["empty"]?.boolValue
            } catch let error as StorageError where error.kind == .unsupported {
                return nil
            }
        }
    }

    public func withImageWriter<Result: Sendable>(
        of image: ImageDescription, overwrite: Bool, _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result {
        try await withImageWriter(
            ["size": .int(image.size), "overwrite": .bool(overwrite), "attributes": TreeMessage.attributes(image.attributes)], context,
            body)
    }

    public func withImageWriter<Result: Sendable>(
        within part: Range<Int64>, _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result {
        try await withImageWriter(["part": [.int(part.lowerBound), .int(part.upperBound)]], context, body)
    }

    private func withImageWriter<Result: Sendable>(
        _ target: [String: JSONValue], _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result {
        let arguments = plugin.arguments(target, context)
        return try await plugin.lend({ try PluginImageWriter($0, arguments) }, close: { try $0.close(failed: $1) }, body).0
    }
}

extension PluginLine {
    /// `subject`: `snapshot`, or `attachment`.
    func withTree<Result: Sendable>(
        _ subject: [String: JSONValue], _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        let arguments = arguments(subject, context)
        return try await lend({ try PluginTree($0, arguments) }, close: { $0.close(failed: $1) }) { tree in
            try await body(tree.isStream ? PluginTreeStream(tree: tree) : tree)
        }.0
    }

    /// `subject`: `snapshot`, or `attachment`.
    func withImage<Result: Sendable>(
        _ subject: [String: JSONValue], _ context: StepContext, _ body: @Sendable (any ImageReader) async throws -> Result
    ) async throws -> Result {
        let arguments = arguments(subject, context)
        return try await lend({ try PluginImage($0, arguments) }, close: { $0.close(failed: $1) }, body).0
    }
}
