import StorageKit

/// Puts the entries of a folder, some of which got a longer name, back into the order of their names, without holding them all: an entry waits only for
/// those whose former names begin with its own.
struct RenamedEntries {
    private static let suffix = Array(".incomplete".utf8)

    static func name(of name: FileName) -> FileName { FileName(bytes: name.bytes + suffix) }

    /// In ascending order.
    private var waiting: [Node] = []

    /// Those that come before everything that is still to be added, whose former names are `name` and later ones.
    mutating func before(_ name: FileName) -> [Node] {
        let count = waiting.firstIndex { !($0.name < name) } ?? waiting.count
        defer { waiting.removeFirst(count) }
        return Array(waiting[..<count])
    }

    /// One whose name is taken gets another suffix.
    mutating func add(_ node: Node) {
        var node = node
        let place = waiting.firstIndex { !($0.name < node.name) } ?? waiting.count
        guard place < waiting.count, waiting[place].name == node.name else { return waiting.insert(node, at: place) }
        // The one that waits was renamed: it was added before, with the name that is a beginning of this one's.
        swap(&node, &waiting[place])
        node.name = Self.name(of: node.name)
        add(node)
    }

    mutating func rest() -> [Node] {
        defer { waiting = [] }
        return waiting
    }
}
