import StorageKit

/// How many paths are kept to be named: as many as people may read, and of very deep ones fewer.
struct NamedPaths: Sendable {
    private var left: Int
    private var parts = 1 << 20

    init(atMost most: Int) { left = most }

    /// False where there is no room for it.
    mutating func admit(_ path: TreePath) -> Bool {
        guard left > 0, path.parts.count <= parts else { return false }
        left -= 1
        parts -= path.parts.count
        return true
    }
}
