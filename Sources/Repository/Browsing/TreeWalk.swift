import Basics
import StorageKit

/// Walks a snapshot's tree depth first. Memory grows with the largest folder, not with the tree.
struct TreeWalk {
    let loader: BlobLoader

    /// Calls `body` for every entry below `path`, folders before what is in them; for the entry itself where it is no folder.
    func run(_ root: ObjectID, below path: TreePath, _ body: (SnapshotEntry) async throws -> Void) async throws {
        let start = try await find(path, in: root)
        guard let node = start.node else { return try await descend(start.tree, TreePath(), body) }
        guard node.type == "dir", let subtree = node.subtree else { return try await body(SnapshotEntry(node, at: path)) }
        try await descend(subtree, path, body)
    }

    private func descend(_ tree: ObjectID, _ path: TreePath, _ body: (SnapshotEntry) async throws -> Void) async throws {
        // Kept by hand: a hostile tree is deeper than any stack.
        var trees = OpenTrees(loader)
        try await trees.enter(tree)
        // One path for all of them: of each its own would grow with the square of the depth.
        var path = path
        var open = [0]
        while let next = open.last {
            guard next < trees.count else {
                trees.leave()
                open.removeLast()
                if !open.isEmpty { path.parts.removeLast() }
                continue
            }
            let node = try await trees.node(next)
            open[open.count - 1] += 1
            try Task.checkCancellation()
            path.parts.append(node.name)
            try await body(SnapshotEntry(node, at: path))
            if node.type == "dir", let subtree = node.subtree {
                try await trees.enter(subtree)
                open.append(0)
            } else {
                path.parts.removeLast()
            }
        }
    }

    /// The entry of that path; a nil node is the root itself.
    func find(_ path: TreePath, in root: ObjectID) async throws -> (node: Node?, tree: ObjectID) {
        var (found, tree): (Node?, ObjectID) = (nil, root)
        for name in path.parts {
            let above = found == nil ? root : found?.subtree
            guard let above, let node = try await loader.loadTree(above).node(named: name) else {
                throw RepositoryError(
                    .noSuchPath, expected: "the path in the snapshot", found: "nothing", at: "/\(path)",
                    advice: "list the snapshot's paths with `snappy-flow snapshots ls`, and give the path as it was when it was copied")
            }
            (found, tree) = (node, above)
        }
        return (found, tree)
    }
}
