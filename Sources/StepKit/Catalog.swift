public import StorageKit

/// The plug-ins of a binary: a value made in one place (Steps/Catalog.swift) and handed down by the composition root.
public struct Catalog: Sendable {
    /// In the order in which they are listed to people.
    public let systems: [any SystemType]
    /// In the order in which they are listed to people.
    public let repositories: [any RepositoryType]
    /// In the order in which they are listed to people.
    public let verbs: [any Verb]
    /// Shared by all that opens a repository.
    public let bandwidths = BandwidthLimits()
    /// Shared by all stores.
    public let hosts = HostSlots()
    /// Where metadata of repositories are kept on this machine; nil: nowhere.
    public var cacheFolder: String?
    /// What stores on this machine leave to others.
    public var keptRoom: KeptRoom?

    /// Names must be unique within each list; a duplicate is a programming error.
    public init(systems: [any SystemType], repositories: [any RepositoryType], verbs: [any Verb]) {
        func requireUnique(_ names: [String], _ what: String) {
            precondition(Set(names).count == names.count, "two \(what) share a name: \(names)")
        }
        requireUnique(systems.map { $0.name }, "system types")
        requireUnique(repositories.map { $0.name }, "repository types")
        requireUnique(verbs.map { $0.declaration.name }, "verbs")
        self.systems = systems
        self.repositories = repositories
        self.verbs = verbs
    }

    /// The system type of that name; nil where this program, with its plug-ins, has none.
    public func system(_ name: String) -> (any SystemType)? { systems.first { $0.name == name } }
    /// The repository type of that name; nil where this program has none.
    public func repository(_ name: String) -> (any RepositoryType)? { repositories.first { $0.name == name } }
    /// The verb of that name; nil where this program has none. Undos are found with `verb(undoneBy:)`.
    public func verb(_ name: String) -> (any Verb)? { verbs.first { $0.declaration.name == name } }
    /// The verb whose undo has this word (`thaw` gives `quiesce`).
    public func verb(undoneBy undo: String) -> (any Verb)? { verbs.first { $0.declaration.acquires?.undoVerb == undo } }
}
