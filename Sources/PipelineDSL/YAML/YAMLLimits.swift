/// What a document may be at most. Far above any real one; low enough that a hostile one ends in an error, soon and in little memory.
enum YAMLLimits {
    static let bytes = 16 << 20
    static let depth = 64
    /// Nodes of one file, aliases counted as what they stand for.
    static let nodes = 100_000
    static let scalarBytes = 1 << 20
}
