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
        var open: [(next: Int, path: TreePath)] = [(0, path)]
        while var last = open.popLast() {
            guard last.next < trees.count else {
                trees.leave()
                continue
            }
            let node = try await trees.node(last.next)
            last.next += 1
            open.append(last)
            try Task.checkCancellation()
            let path = last.path.appending(node.name)
            try await body(SnapshotEntry(node, at: path))
            if node.type == "dir", let subtree = node.subtree {
                try await trees.enter(subtree)
                open.append((0, path))
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
                    .noPath, expected: "the path in the snapshot", found: "nothing", at: "/\(path)",
                    advice: "list the snapshot's paths with `snappy-flow snapshots ls`, and give the path as it was when it was copied")
            }
            (found, tree) = (node, above)
        }
        return (found, tree)
    }
}
