import StorageKit

/// Finds which paths of a snapshot are hit by damaged blobs.
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
            if node.content?.contains(where: damaged.contains) ?? false { found.append(below) }
            if let subtree = node.subtree { await walk(subtree, below, &found) }
        }
    }
}
