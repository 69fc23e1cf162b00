import StorageKit

/// The names of a pool's objects, by namespace and shard: all that is held of them.
struct ObjectListing: Sendable {
    private struct Name: Sendable {
        var name: [UInt8]
        var locator: [UInt8]
    }
    private var names: [[UInt8]: [UInt8: [Name]]] = [:]

    init(_ view: PoolView, namespace: [UInt8]?) throws {
        try view.names(namespace: namespace) { object in
            names[object.namespace, default: [:]][RadosPath.shard(object.name), default: []].append(
                Name(name: object.name, locator: object.locator))
            return true
        }
    }

    var namespaces: [[UInt8]] { names.keys.sorted { $0.lexicographicallyPrecedes($1) } }

    /// In ascending order; nil for a namespace without objects.
    func shards(of namespace: [UInt8]) -> [UInt8]? { names[namespace]?.keys.sorted() }

    /// Nil for an empty shard.
    func shard(_ shard: UInt8, of namespace: [UInt8]) -> ShardTree? {
        guard let found = names[namespace]?[shard] else { return nil }
        var tree = ShardTree()
        for each in found { tree.add(RadosObject(namespace: namespace, name: each.name, locator: each.locator)) }
        return tree
    }
}

/// The objects of one shard, by the folder they lie in: one folder, but for those with long names.
struct ShardTree: Sendable {
    struct Folder: Sendable {
        var folders: Set<FileName> = []
        var objects: [RadosObject] = []
    }
    private(set) var folders: [[FileName]: Folder] = [[]: Folder()]

    mutating func add(_ object: RadosObject) {
        let parts = RadosPath.parts(object)
        for depth in 1..<parts.count {
            folders[Array(parts[..<(depth - 1)]), default: Folder()].folders.insert(parts[depth - 1])
        }
        folders[Array(parts.dropLast()), default: Folder()].objects.append(object)
    }
}
