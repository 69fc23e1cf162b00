import Crypto
import Basics
import StorageKit

/// The entries of one directory, in strictly ascending order of their names' bytes.
struct Tree: Sendable {
    let nodes: NodeList

    init(nodes: some Sequence<Node>) { self.nodes = NodeList(nodes) }

    /// Of a reading that proved the order and the names.
    init(_ reading: TreeReading) { nodes = reading.nodes }

    /// Reads a tree blob. Names that could lead out of the directory, and names out of order, are refused.
    init(decoding bytes: [UInt8], id: ObjectID) throws {
        var reading = TreeReading(id, memory: .max)
        try JSONScanner.scan(bytes, at: "tree \(id)") { json in
            try json.object { json, key in
                if case "nodes" = key { try json.array { try reading.append(try Node(&$0)) } } else { try json.skip() }
            }
        }
        nodes = reading.nodes
    }

    /// The bytes that are hashed and stored, with restic's newline at the end.
    var encoded: [UInt8] { Self.encode(nodes) }

    static func encode(_ nodes: some Collection<Node>) -> [UInt8] {
        var json = GoJSON(capacity: 64 + nodes.count * 400)
        json.object { json in
            json.key("nodes")
            json.array { json in for node in nodes { node.write(to: &json) } }
        }
        return json.bytes + [0x0A]
    }

    /// The entry of that name, found by bisection.
    func node(named name: FileName) -> Node? {
        var low = 0
        var high = nodes.count
        while low < high {
            let middle = (low + high) / 2
            if nodes.name(at: middle).lexicographicallyPrecedes(name.bytes) { low = middle + 1 } else { high = middle }
        }
        return low < nodes.count && nodes.name(at: low).elementsEqual(name.bytes) ? nodes[low] : nil
    }
}

/// A tree as it is read, entry by entry: what must not be restored is refused, and what would fill the memory.
struct TreeReading {
    private(set) var nodes = NodeList()
    private let id: ObjectID
    private let memory: Int
    private var last: FileName?

    /// `memory`: bytes that the entries may take as records.
    init(_ id: ObjectID, memory: Int) {
        self.id = id
        self.memory = memory
    }

    mutating func append(_ node: Node) throws {
        let name = node.name.bytes
        guard name.count <= TreeLimits.name else {
            throw TreeLimits.tooLarge(id, "a name of \(name.count.counted("byte"))")
        }
        guard !name.isEmpty, name != [0x2E], name != [0x2E, 0x2E], !name.contains(0x2F), !name.contains(0) else {
            throw RepositoryError(
                .unsafeName, expected: "file names without / that stay in their folder", found: "\"\(node.name)\"", at: "tree \(id)",
                advice: "somebody with the repository's key wrote this tree to harm whoever restores it; do not trust the snapshot")
        }
        if let last, !(last < node.name) {
            throw RepositoryError.damaged("tree \(id)", expected: "names in ascending order", found: "\"\(node.name)\" out of order")
        }
        last = node.name
        nodes.append(node)
        guard nodes.recordBytes <= memory else {
            throw TreeLimits.tooLarge(
                id, "\(nodes.count.counted("entry", "entries")), and more to come, of \(nodes.recordBytes.counted("byte"))")
        }
    }
}
