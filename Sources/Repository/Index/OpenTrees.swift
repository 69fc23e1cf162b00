import Crypto
import StorageKit

/// The folders that a walk is in, one within the other. However deep and wide a snapshot is, what is held of it is bounded: the outermost lists go first,
/// and are read again when the walk comes back to them.
struct OpenTrees {
    private struct Open {
        var id: ObjectID
        var count: Int
        var nodes: NodeList?
    }

    private let loader: BlobLoader
    private var open: [Open] = []
    private var memory = 0
    private let limit: Int

    /// `limit`: bytes of the lists that are held, the innermost always.
    init(_ loader: BlobLoader, limit: Int = TreeLimits.open) {
        self.loader = loader
        self.limit = limit
    }

    /// Entries of the innermost folder.
    var count: Int { open.last?.count ?? 0 }

    /// Goes into a folder.
    mutating func enter(_ id: ObjectID) async throws {
        let nodes = try await loader.loadTree(id).nodes
        open.append(Open(id: id, count: nodes.count, nodes: nodes))
        memory += nodes.memory
        makeRoom()
    }

    /// An entry of the innermost folder.
    mutating func node(_ index: Int) async throws -> Node {
        let last = open.count - 1
        if let nodes = open[last].nodes { return nodes[index] }
        let nodes = try await loader.loadTree(open[last].id).nodes
        open[last].nodes = nodes
        memory += nodes.memory
        makeRoom()
        return nodes[index]
    }

    /// Goes back to the folder that this one is in.
    mutating func leave() { memory -= open.popLast()?.nodes?.memory ?? 0 }

    private mutating func makeRoom() {
        for index in open.indices.dropLast() where memory > limit {
            memory -= open[index].nodes?.memory ?? 0
            open[index].nodes = nil
        }
    }
}
