import Crypto
import StorageKit

/// The entries of one directory, in strictly ascending order of their names' bytes.
struct Tree: Sendable {
    var nodes: [Node]

    /// The bytes that are hashed and stored, with restic's newline at the end.
    var encoded: [UInt8] {
        var json = GoJSON(capacity: 64 + nodes.count * 400)
        json.object { json in
            json.key("nodes")
            json.array { json in for node in nodes { node.write(to: &json) } }
        }
        return json.bytes + [0x0A]
    }

    init(nodes: [Node]) { self.nodes = nodes }

    /// Reads a tree blob. Names that could lead out of the directory, and names out of order, are refused.
    init(decoding bytes: [UInt8], id: ObjectID) throws {
        var nodes: [Node] = []
        try JSONScanner.scan(bytes, at: "tree \(id)") { json in
            try json.object { json, key in
                if case "nodes" = key { try json.array { nodes.append(try Node(&$0)) } } else { try json.skip() }
            }
        }
        for (index, node) in nodes.enumerated() {
            let name = node.name.bytes
            guard !name.isEmpty, name != [0x2E], name != [0x2E, 0x2E], !name.contains(0x2F), !name.contains(0) else {
                throw RepositoryError(
                    .unsafeName, expected: "file names without / that stay in their folder", found: "\"\(node.name)\"", at: "tree \(id)",
                    advice: "somebody with the repository's key wrote this tree to harm whoever restores it; do not trust the snapshot")
            }
            guard index == 0 || nodes[index - 1].name < node.name else {
                throw RepositoryError.damaged("tree \(id)", expected: "names in ascending order", found: "\"\(node.name)\" out of order")
            }
        }
        self.nodes = nodes
    }

    /// The entry of that name, found by bisection.
    func node(named name: FileName) -> Node? {
        var low = 0
        var high = nodes.count
        while low < high {
            let middle = (low + high) / 2
            if nodes[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low < nodes.count && nodes[low].name == name ? nodes[low] : nil
    }
}
