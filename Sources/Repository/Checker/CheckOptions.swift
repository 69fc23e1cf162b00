public import Basics
public import StorageKit

/// How much of the packs a check reads.
public enum CheckRead: Sendable, Hashable {
    /// None: lists, sizes, indexes, snapshots and trees.
    case metadata
    /// About this share of the packs, chosen anew each time.
    case sample(Percentage)
    case all
}

public struct CheckOptions: Sendable {
    /// Only what this snapshot refers to; the whole repository when nil.
    public var snapshot: Snapshot?
    public var read: CheckRead
    /// False where the repository can't be written to: no lock is taken then.
    public var lock: Bool
    public var progress: (@Sendable (CheckProgress) -> Void)?

    public init(
        snapshot: Snapshot? = nil, read: CheckRead = .metadata, lock: Bool = true, progress: (@Sendable (CheckProgress) -> Void)? = nil
    ) {
        self.snapshot = snapshot
        self.read = read
        self.lock = lock
        self.progress = progress
    }
}

public struct CheckProgress: Sendable, Hashable {
    public var packsRead: UInt64 = 0
    public var packsToRead: UInt64 = 0
    public var bytesRead: UInt64 = 0
    public var bytesToRead: UInt64 = 0
}

/// One thing that is wrong.
public struct CheckProblem: Sendable {
    public enum Severity: String, Sendable, Hashable {
        /// Costs space or time, loses nothing.
        case hint
        /// Something can't be restored, or not with certainty.
        case damage
    }
    public var severity: Severity
    public var error: any ExplainedError
}

public struct CheckReport: Sendable {
    public var problems: [CheckProblem] = []
    /// Packs that are missing, of another size, or hold a damaged blob: their ids.
    public var damagedPacks: Set<String> = []
    /// Blobs that no pack holds whole: their ids.
    public var damagedBlobs: Set<String> = []
    /// Of the checked snapshot: what can't be restored, by its path in the snapshot.
    public var damagedPaths: [TreePath] = []
    public var snapshots = 0
    public var packs = 0
    public var blobs = 0
    public var packsRead: UInt64 = 0
    public var bytesRead: UInt64 = 0

    /// With what was found in another store of the same repository. What one of them has whole can be restored.
    mutating func join(_ other: CheckReport) {
        problems += other.problems
        damagedPacks.formUnion(other.damagedPacks)
        damagedBlobs.formIntersection(other.damagedBlobs)
        damagedPaths.removeAll { !other.damagedPaths.contains($0) }
        snapshots = max(snapshots, other.snapshots)
        packs = max(packs, other.packs)
        blobs = max(blobs, other.blobs)
        packsRead += other.packsRead
        bytesRead += other.bytesRead
    }

    /// True when nothing is damaged; hints don't count.
    public var isSound: Bool { !problems.contains { $0.severity == .damage } }
}
