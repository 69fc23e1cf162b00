/// What tells an object of a pool from all others. Names are bytes.
struct RadosObject: Sendable, Hashable {
    var namespace: [UInt8]
    var name: [UInt8]
    /// What it is placed by instead of its name; empty for nearly all.
    var locator: [UInt8]

    init(namespace: [UInt8] = [], name: [UInt8], locator: [UInt8] = []) {
        self.namespace = namespace
        self.name = name
        self.locator = locator
    }

    /// For people.
    var description: String {
        let space = namespace.isEmpty ? "" : String(decoding: namespace, as: UTF8.self) + "/"
        return space + String(decoding: name, as: UTF8.self)
    }
}
