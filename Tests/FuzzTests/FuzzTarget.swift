/// A reader of what others wrote: a file, a request, a repository's object. `Tests/Fuzz` gives it millions of inputs, `ReplayTests` those that
/// are kept.
enum FuzzTarget: String, CaseIterable, Sendable {
    case json, yaml, expression
    case key, index, pack, tree, snapshot
    case request, range

    /// Reads the input. Returns when it was read, and what was read is consistent, or when it was refused with an error of ours; throws
    /// `FuzzFailure` for anything else. A trap is what is looked for.
    func read(_ input: [UInt8]) throws {
        switch self {
        case .json: try DocumentReadings.json(input)
        case .yaml: try DocumentReadings.yaml(input)
        case .expression: try DocumentReadings.expression(input)
        case .key: try RepositoryReadings.key(input)
        case .index: try RepositoryReadings.index(input)
        case .pack: try RepositoryReadings.pack(input)
        case .tree: try RepositoryReadings.tree(input)
        case .snapshot: try RepositoryReadings.snapshot(input)
        case .request: try RequestReadings.target(input)
        case .range: try RequestReadings.range(input)
        }
    }
}

/// What was read contradicts itself.
struct FuzzFailure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }

    static func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        guard !condition else { return }
        throw FuzzFailure(what())
    }
}
