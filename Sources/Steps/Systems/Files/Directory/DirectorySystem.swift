import Basics
import Glibc
public import StepKit
public import StorageKit
import Synchronization
import Threads

/// An opened folder.
public struct DirectorySystem: System {
    let path: String
    /// Nil: everything is taken.
    var selection: SelectionSettings?
    var oneFileSystem = false
    var method = DirectoryMethod.copy
    var staging: ByteCount?
    var stagingFolder: String?

    private func liveReader(_ selection: Selection) throws(StorageError) -> FolderReader {
        try FolderReader(path: path, selection: selection, oneFileSystem: oneFileSystem)
    }

    /// Throws when it takes nothing at all.
    private func wholeSelection() throws -> Selection {
        let selection = try selection?.selection() ?? Selection()
        try selection.requireSomething(of: TreePath(path))
        return selection
    }

    private func folder(_ key: String) -> SnapshotFolder {
        SnapshotFolder(staging: SnapshotFolder.staging(for: path, declared: stagingFolder), key: key)
    }
}

extension DirectorySystem: TreeSource {
    public func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        if let snapshot { return try await body(SnapshotReader(folder(snapshot.key), logicalPath: TreePath(path))) }
        return try await withTree(at: path, context, body)
    }

    /// Lends a reader of what lies at `place`, recorded as this folder.
    func withTree<Result: Sendable>(
        at place: String, _ context: StepContext, _ body: @Sendable (FolderReader) async throws -> Result
    ) async throws -> Result {
        let selection = try wholeSelection()
        let result = try await body(
            FolderReader(path: place, logicalPath: TreePath(path), selection: selection, oneFileSystem: oneFileSystem))
        selection.leftOut.log(to: context.recorder)
        return result
    }
}

extension DirectorySystem: TreeDestination {
    public func withTreeWriter<Result: Sendable>(
        overwrite: Bool, _ context: StepContext, _ body: @Sendable (any TreeWriter) async throws -> Result
    ) async throws -> Result {
        try await FolderTarget.withWriter(path: path, overwrite: overwrite, body)
    }
}

extension DirectorySystem: Snapshotting {
    /// A copy finds unchanged files by metadata in the repository's own snapshots; an older staged one would help nothing.
    public var keepsBase: Bool { false }

    public func snapshot(key: String, _ context: StepContext) async throws -> SystemSnapshot {
        let stop = StopFlag()
        let folder = folder(key)
        let selection = try wholeSelection()
        let outcome = try await withTaskCancellationHandler {
            try await BlockingPool(label: "snapshot", width: 1).run {
                try FreezeMark.refuseWriting(to: folder.staging)
                let builder = try SnapshotBuilder(
                    source: liveReader(selection), path: path, target: folder, method: method, limit: staging, isStopped: { stop.isRaised })
                return try builder.build()
            }
        } onCancel: {
            stop.raise()
        }
        context.recorder.log(
            .info, "snapshot \(folder.whole): \(outcome.files.counted("file")), \(outcome.copied.approximate) copied, the rest cloned")
        selection.leftOut.log(to: context.recorder)
        return SystemSnapshot(key: key, state: ["folder": .string(folder.whole), "files": .int(Int64(outcome.files))])
    }

    public func find(key: String, _ context: StepContext) async throws -> SystemSnapshot? {
        let folder = folder(key)
        return folder.isWhole ? SystemSnapshot(key: key, state: ["folder": .string(folder.whole)]) : nil
    }

    public func release(key: String, _ context: StepContext) async throws {
        let folder = folder(key)
        try await BlockingPool(label: "release", width: 1).run { try folder.remove() }
    }
}

/// Tells a thread to stop.
final class StopFlag: Sendable {
    private let raised = Atomic(false)
    var isRaised: Bool { raised.load(ordering: .relaxed) }
    func raise() { raised.store(true, ordering: .relaxed) }
}
