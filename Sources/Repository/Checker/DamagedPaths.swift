import StorageKit

/// Finds which paths of a snapshot are hit by damaged blobs, or are files of another size than their tree says.
struct DamagedPaths {
    let loader: BlobLoader
    let damaged: Set<ObjectID>

    func paths(below root: ObjectID) async -> [TreePath] {
        var found: [TreePath] = []
        await walk(root, TreePath(), &found)
        return found.sorted()
    }

    private func walk(_ id: ObjectID, _ path: TreePath, _ found: inout [TreePath]) async {
        guard !damaged.contains(id), let tree = try? await loader.loadTree(id) else {
            found.append(path)
            return
        }
        for node in tree.nodes {
            let below = path.appending(node.name)
            let isHit = node.content?.contains(where: damaged.contains) ?? false
            let isAmiss = if isHit { true } else { await hasWrongSize(node) }
            if isAmiss { found.append(below) }
            if let subtree = node.subtree { await walk(subtree, below, &found) }
        }
    }

    /// False where a blob can't be had: it is damaged then, or missing.
    private func hasWrongSize(_ node: Node) async -> Bool {
        guard let problem = try? await loader.sizeProblem(of: node, at: "") else { return false }
        return problem.kind == .damaged
    }
}
