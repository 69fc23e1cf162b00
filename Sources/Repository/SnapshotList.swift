public import Basics

/// What lies under `snapshots/` of a repository.
public struct SnapshotList: Sendable {
    /// The oldest first.
    public var snapshots: [Snapshot] = []
    /// Objects that can't be read as one. Whichever snapshot they were, the newest may be among them.
    public var damaged: [any ExplainedError] = []

    /// Throws when something is damaged: which snapshot is the newest is not known then.
    public func requireWhole() throws {
        guard let first = damaged.first else { return }
        throw RepositoryError(
            .damaged, expected: "every snapshot to be readable, so that it is known which is the latest",
            found: "\(damaged.count) damaged, the first: \(first.found)", at: first.location,
            advice:
                "name a snapshot by its id, as `snappy-flow snapshots list` shows it; restore the object from another copy of the repository, or remove it"
        )
    }
}
