public import FlowModel

public struct PruneOptions: Sendable {
    /// How much of the repository may stay unused rather than be rewritten; nil to reclaim everything.
    public var maximumUnused: Percentage?
    /// Only say what would be done.
    public var dryRun: Bool
    public var progress: (@Sendable (PruneProgress) -> Void)?

    public init(
        maximumUnused: Percentage? = Percentage(percent: 5), dryRun: Bool = false, progress: (@Sendable (PruneProgress) -> Void)? = nil
    ) {
        self.maximumUnused = maximumUnused
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
}
