import Basics
public import StepKit
public import StorageKit

/// A system in a process of its own that is an image.
public struct PluginImageSystem: PluginSystem {
    public let plugin: PluginLine
    public let logicalPath: TreePath

    public init(_ plugin: PluginLine, logicalPath: TreePath) { (self.plugin, self.logicalPath) = (plugin, logicalPath) }
}

extension PluginImageSystem: ImageSource {
    public func withImage<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any ImageReader) async throws -> Result
    ) async throws -> Result {
        let arguments = arguments(["snapshot": try snapshot.message()], context)
        return try await lend({ try PluginImage($0, arguments) }, close: { $0.close() }, body)
    }
}

extension PluginImageSystem: ImageDestination {
    public func withImageWriter<Result: Sendable>(
        of image: ImageDescription, overwrite: Bool, _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result {
        let arguments = arguments(
            ["size": .int(image.size), "overwrite": .bool(overwrite), "attributes": TreeMessage.attributes(image.attributes)], context)
        return try await lend(
            { try PluginImageWriter($0, arguments) }, close: { try $0.close() }, body)
    }

    public func withImageWriter<Result: Sendable>(
        within part: Range<Int64>, _ context: StepContext, _ body: @Sendable (any ImageWriter) async throws -> Result
    ) async throws -> Result {
        let arguments = arguments(["part": [.int(part.lowerBound), .int(part.upperBound)]], context)
        return try await lend(
            { try PluginImageWriter($0, arguments) }, close: { try $0.close() }, body)
    }
}
