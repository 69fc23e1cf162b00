public import Basics
public import FlowModel
public import StepKit
import StorageKit

/// What a plug-in has to attach to a host before it can be read.
extension PluginInstance {
    public func attach(_ view: SystemView, of snapshot: SystemSnapshot?, key: String, _ context: StepContext) async throws -> Attachment {
        let arguments = plugin.arguments(
            ["key": .string(key), "view": .string(view.rawValue), "snapshot": try snapshot.message()], context)
        return try await session.run(stopping: true) {
            let state = try $0.call("attach", arguments).result["state"]?.objectValue ?? [:]
            return Attachment(key: key, view: view, snapshot: snapshot, state: state)
        }
    }

    public func detach(key: String, state: [String: JSONValue], _ context: StepContext) async throws {
        let arguments = plugin.arguments(["key": .string(key), "state": .object(state)], context)
        try await session.run { _ = try $0.call("detach", arguments) }
    }

    public func attached(_ attachment: Attachment) throws -> any System {
        let subject: [String: JSONValue] = ["attachment": try JSONValue(encoding: attachment)]
        switch attachment.view {
        case .tree: return AttachedTree(plugin: plugin, subject: subject)
        case .image:
            return AttachedImage(plugin: plugin, subject: subject, logicalPath: try plugin.attachedPath(attachment))
        case .parts:
            throw StepError(
                .unsupported, expected: "a tree or an image that is attached", found: "several parts", at: session.program.name,
                advice: "this is an error in the plug-in; tell its author")
        }
    }
}

/// What a plug-in has attached, as a tree. Of which point in time it is, the attachment says.
struct AttachedTree: TreeSource {
    let plugin: PluginLine
    let subject: [String: JSONValue]

    func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        try await plugin.withTree(subject, context, body)
    }
}

/// What a plug-in has attached, as an image. Of which point in time it is, the attachment says.
struct AttachedImage: ImageSource {
    let plugin: PluginLine
    let subject: [String: JSONValue]
    let logicalPath: TreePath

    func withImage<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any ImageReader) async throws -> Result
    ) async throws -> Result {
        try await plugin.withImage(subject, context, body)
    }
}
