public import Basics
public import StorageKit

/// Which snapshot says what is unchanged.
public enum ParentChoice: Sendable, Hashable {
    /// The newest of the same host and paths that is not dated in the future.
    case automatic
    /// Read everything.
    case none
    /// This one, by its id.
    case id(String)
}

public struct ArchiveOptions: Sendable {
    public var host: String
    public var tags: [String]
    /// Added when something could not be read, so that whoever meets the snapshot later knows.
    public var tagWhenPartial: String?
    /// False: a source without a file, where the last whole snapshot (or the parent that was named) had some, is a failure; it is probably not mounted.
    public var allowsEmpty = true
    public var parent: ParentChoice
    /// Chooses the automatic parent among the snapshots of the same host and paths, the oldest first and none of the future. Nil: the newest.
    public var chooseParent: (@Sendable ([Snapshot]) -> Snapshot?)?
    /// What tells that a file is as the parent has it.
    public var changeCheck = ChangeCheck.metadata
    /// The snapshot's time; now when nil.
    public var time: Instant?
    /// True for what is left out, besides what the reader leaves out itself. The path is below the reader's root.
    public var exclude: (@Sendable (TreePath, FileMetadata) -> Bool)?
    /// Patterns to record in the snapshot.
    public var excludePatterns: [String] = []
    /// Called when everything stored so far is durable and indexed: a later run finds it.
    public var checkpoint: (@Sendable (ArchiveProgress) async throws -> Void)?
    /// A checkpoint is due after this time or that many stored bytes.
    public var checkpointEvery: TimeSpan = .seconds(30)
    public var checkpointBytes: ByteCount = .mebibytes(256)
    /// Called a few times a second, and at the end.
    public var progress: (@Sendable (ArchiveProgress) -> Void)?
    /// zstd's level.
    public var compressionLevel: Int32 = 1
    /// Threads that hash, compress and encrypt; nil for one a core.
    public var workers: Int?

    public init(host: String, tags: [String] = [], parent: ParentChoice = .automatic, time: Instant? = nil) {
        self.host = host
        self.tags = tags
        self.parent = parent
        self.time = time
    }
}

/// How far a backup is.
public struct ArchiveProgress: Sendable, Hashable {
    /// Files done, unchanged ones too.
    public var files: UInt64 = 0
    /// Bytes of those files.
    public var bytes: UInt64 = 0
    /// Bytes in all; nil where nobody knows before the end.
    public var bytesTotal: UInt64?
    /// Bytes that were read because a file was new or changed.
    public var bytesRead: UInt64 = 0
    /// Bytes written to the store.
    public var bytesStored: UInt64 = 0
    /// What is being read.
    public var currentPath = TreePath()
}

/// A file or folder that is not in the snapshot as it was, and why. `.changed` is in it, as it was read.
public struct ArchiveFailure: Sendable {
    /// Below the reader's root.
    public var path: TreePath
    public var error: StorageError
}

public struct ArchiveReport: Sendable {
    public var snapshot: Snapshot
    public var failures: [ArchiveFailure]
    public var summary: SnapshotSummary
    /// Of a block image.
    public var image: ImageReport?
    /// Of a system of several parts: of those that are images, by their names.
    public var parts: [FileName: ImageReport] = [:]
}
