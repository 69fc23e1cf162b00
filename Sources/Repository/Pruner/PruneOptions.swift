public import Basics
public import StorageKit

public struct PruneOptions: Sendable {
    /// How much of the repository may stay unused rather than be rewritten; nil to reclaim everything.
    public var maximumUnused: Percentage?
    /// What a writer that died left half made goes when it is so old: no upload of a living one takes as long.
    public var unfinishedAge: TimeSpan
    /// Only say what would be done.
    public var dryRun: Bool
    /// True: everything may go where there is no snapshot.
    public var mayEmpty = false
    public var progress: (@Sendable (PruneProgress) -> Void)?

    public init(
        maximumUnused: Percentage? = Percentage(percent: 5), unfinishedAge: TimeSpan = .hours(24), dryRun: Bool = false,
        progress: (@Sendable (PruneProgress) -> Void)? = nil
    ) {
        self.maximumUnused = maximumUnused
        self.unfinishedAge = unfinishedAge
        self.dryRun = dryRun
        self.progress = progress
    }
}

public struct PruneProgress: Sendable, Hashable {
    public var bytesRepacked: UInt64 = 0
    public var bytesToRepack: UInt64 = 0
}

public struct PruneReport: Sendable, Hashable {
    public var packsKept = 0
    /// Packs without anything in use, those in no index among them.
    public var packsRemoved = 0
    /// Packs whose used blobs were copied to new ones.
    public var packsRepacked = 0
    /// Packs that are not needed, and that the store keeps for a time (object lock).
    public var packsRetained = 0
    /// Bytes that the store is smaller by.
    public var bytesReclaimed: Int64 = 0
    /// Bytes not in use that stay.
    public var bytesUnused: Int64 = 0
    /// Bytes copied.
    public var bytesRepacked: Int64 = 0
    /// What writers that died had left half made, and is gone; nothing is looked for in a dry run.
    public var unfinished = UnfinishedObjects()
    /// Why it could not be looked for, or not all of it removed: a right is missing, say. The prune itself is done.
    public var unfinishedProblem: StorageError?
}
