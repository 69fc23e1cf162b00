public import Basics
public import StepKit
public import StorageKit

/// What a plug-in adds to the copies of its window.
extension PluginInstance {
    public func completing(_ tree: any TreeReader, thawed: [String: JSONValue], _ context: StepContext) async throws -> any TreeReader {
        let process = try await session.run { $0 }
        let lent = try await process.lent.lend(tree)
        let arguments = plugin.arguments(["tree": lent, "thawed": .object(thawed)], context)
        do {
            let completed = try await session.run(stopping: true) { _ in
                try PluginTree(process, opened: process.call("complete.open", arguments).result, completing: tree)
            }
            return CompletedPluginTree(completed, lent: lent, process: process, session: session)
        } catch {
            await process.lent.takeBack(lent)
            throw error
        }
    }

    public func completed(thawed: [String: JSONValue], _ context: StepContext) async throws {
        let arguments = plugin.arguments(["thawed": .object(thawed)], context)
        do {
            try await session.run { _ = try $0.call("completed", arguments) }
        } catch let error as StorageError where error.kind == .unsupported {
            // One that keeps nothing for the copies need not know the word.
        }
    }
}

/// A tree as a plug-in completes it. The process, and the tree that it was made of, are held for as long as this one is.
final class CompletedPluginTree: TreeReader {
    private let tree: PluginTree
    private let lent: JSONValue
    private let process: PluginProcess
    private let session: PluginSession

    init(_ tree: PluginTree, lent: JSONValue, process: PluginProcess, session: PluginSession) {
        (self.tree, self.lent, self.process, self.session) = (tree, lent, process, session)
    }

    deinit {
        Task.detached { [tree, lent, process, session] in
            if process.isAlive { try? await session.run { _ in tree.close(failed: false) } }
            await process.lent.takeBack(lent)
        }
    }

    var logicalPath: TreePath { tree.logicalPath }
    var readsAtOnce: Int { tree.readsAtOnce }
    func metadata(of path: TreePath) throws -> FileMetadata { try tree.metadata(of: path) }
    func list(_ directory: TreePath) throws -> TreeListing { try tree.list(directory) }
    func open(_ file: TreePath) throws -> any FileReader { try tree.open(file) }
    func isAway(after error: StorageError) -> Bool { tree.isAway(after: error) }
    func confirm() throws { try tree.confirm() }
}
