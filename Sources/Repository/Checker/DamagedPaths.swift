import StorageKit

/// Finds which paths of a snapshot are hit by damaged blobs, or are files of another size than their tree says.
struct DamagedPaths {
    let loader: BlobLoader
    let damaged: Set<ObjectID>

    func paths(below root: ObjectID) async -> [TreePath] {
        var found: [TreePath] = []
        var trees = OpenTrees(loader)
        await walk(root, TreePath(), &trees, &found)
        return found.sorted()
    }

    private func walk(_ id: ObjectID, _ path: TreePath, _ trees: inout OpenTrees, _ found: inout [TreePath]) async {
        guard !damaged.contains(id), (try? await trees.enter(id)) != nil else {
            found.append(path)
            return
        }
        defer { trees.leave() }
        for index in 0..<trees.count {
            guard let node = try? await trees.node(index) else {
                found.append(path)
                return
            }
            let below = path.appending(node.name)
            let isHit = node.content?.contains(where: damaged.contains) ?? false
            let isAmiss = if isHit { true } else { await hasWrongSize(node) }
            if isAmiss { found.append(below) }
            if let subtree = node.subtree { await walk(subtree, below, &trees, &found) }
        }
    }

    /// False where a blob can't be had: it is damaged then, or missing.
    private func hasWrongSize(_ node: Node) async -> Bool {
        guard let problem = try? await loader.sizeProblem(of: node, at: "") else { return false }
        return problem.kind == .damaged
    }
}
