/// What a repository holds. Sizes are bytes.
public struct RepositoryStatistics: Sendable, Hashable {
    public var snapshots = 0
    public var keys = 0
    /// Packs that are there, and what they take.
    public var packs = 0
    public var packBytes: Int64 = 0
    /// Packs and everything else.
    public var storedBytes: Int64 = 0
    /// What the snapshots use: distinct blobs, opened.
    public var usedBlobs = 0
    public var usedPlainBytes: Int64 = 0
    /// The same as it is stored, compressed and sealed.
    public var usedStoredBytes: Int64 = 0
    /// Blobs that no snapshot uses, further copies of others among them: what a prune could reclaim.
    public var unusedBytes: Int64 = 0
    /// Trees that could not be read: the figures of what is used are too low then.
    public var unreadableTrees = 0
}
