import Basics
public import StepKit
public import StorageKit

/// A system in a process of its own that is a file tree.
public struct PluginTreeSystem: PluginSystem {
    public let plugin: PluginLine

    /// The reader says under which path it is recorded.
    public init(_ plugin: PluginLine, logicalPath: TreePath) { self.plugin = plugin }
}

extension PluginTreeSystem: TreeSource {
    public func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        let arguments = arguments(["snapshot": try snapshot.message()], context)
        return try await lend({ try PluginTree($0, arguments) }, close: { $0.close() }, body)
    }
}

extension PluginTreeSystem: TreeDestination {
    public func withTreeWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        let arguments = arguments(["overwrite": .bool(overwrite)], context)
        return try await lend({ try PluginTreeWriter($0, arguments) }, close: { try $0.close() }, body)
    }

    public func isEmpty(_ context: StepContext) async throws -> Bool? {
        let arguments = arguments([:], context)
        return try await session.run(stopping: true) { process -> Bool? in
            do {
                return try process.call("empty", arguments).result["empty"]?.boolValue
            } catch let error as StorageError where error.kind == .unsupported {
                return nil
            }
        }
    }
}
