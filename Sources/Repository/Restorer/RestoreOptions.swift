public import Basics
public import StorageKit

public struct RestoreOptions: Sendable {
    /// What to restore, by its path in the snapshot; everything when empty.
    public var paths: [TreePath]
    /// A folder of the snapshot whose content lands at the writer's root; without it a tree lands under its whole logical path.
    public var root: TreePath
    /// Called after every file and every few megabytes.
    public var progress: (@Sendable (RestoreProgress) -> Void)?
    /// False where the repository can't be written to: no lock is taken then.
    public var lock: Bool

    public init(
        paths: [TreePath] = [], root: TreePath = TreePath(), lock: Bool = true, progress: (@Sendable (RestoreProgress) -> Void)? = nil
    ) {
        self.paths = paths
        self.root = root
        self.lock = lock
        self.progress = progress
    }
}

public struct RestoreProgress: Sendable, Hashable {
    public var files: UInt64 = 0
    public var directories: UInt64 = 0
    /// Bytes of content.
    public var bytes: UInt64 = 0
    public var currentPath = TreePath()
}

/// What could not be restored, and why.
public struct RestoreFailure: Sendable {
    /// Below the writer's root.
    public var path: TreePath
    public var error: any ExplainedError
}

public struct RestoreReport: Sendable {
    public var files: UInt64
    public var directories: UInt64
    public var bytes: UInt64
    /// Files, links and folders that are not there; nothing half-written stays.
    public var failures: [RestoreFailure]
    /// All of them: where there are very many, the first are listed.
    public var failureCount: UInt64
    /// Metadata that could not be set on what is there, or not be removed: the first of each kind, which says how many there were.
    public var warnings: [StorageError]
    /// All of them.
    public var warningCount: UInt64
}
