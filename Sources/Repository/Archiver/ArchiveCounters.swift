import Basics
import StorageKit
import Synchronization

/// What a backup counts while it runs. Thread-safe.
final class ArchiveCounters: Sendable {
    private struct State {
        var summary = SnapshotSummary(start: .now, end: .now)
        var progress = ArchiveProgress()
        var failures: [ArchiveFailure] = []
    }

    private let state = Mutex(State())

    var progress: ArchiveProgress { state.withLock { $0.progress } }
    var failures: [ArchiveFailure] { state.withLock { $0.failures.sorted { $0.path < $1.path } } }

    func summary(end: Instant) -> SnapshotSummary {
        state.withLock { state in
            state.summary.end = end
            return state.summary
        }
    }

    enum Change { case new, changed, unmodified }

    func reading(_ path: TreePath) { state.withLock { $0.progress.currentPath = path } }
    func read(_ bytes: Int) { state.withLock { $0.progress.bytesRead += UInt64(bytes) } }

    func fileDone(_ change: Change, bytes: UInt64) {
        state.withLock { state in
            switch change {
            case .new: state.summary.filesNew += 1
            case .changed: state.summary.filesChanged += 1
            case .unmodified: state.summary.filesUnmodified += 1
            }
            state.summary.filesProcessed += 1
            state.summary.bytesProcessed += bytes
            state.progress.files += 1
            state.progress.bytes += bytes
        }
    }

    /// As `fileDone`, for what `passed` has counted on the way.
    func imageDone(_ change: Change, bytes: UInt64) {
        fileDone(change, bytes: bytes)
        state.withLock { $0.progress.bytes -= bytes }
    }

    /// Bytes of an image that are dealt with: read, taken from the parent, or nothing there.
    func passed(_ bytes: Int64) { state.withLock { $0.progress.bytes += UInt64(clamping: bytes) } }
    func expect(_ bytes: Int64) { state.withLock { $0.progress.bytesTotal = UInt64(clamping: bytes) } }

    func directoryDone(_ id: ObjectID, former: ObjectID?) {
        state.withLock { state in
            switch former {
            case nil: state.summary.directoriesNew += 1
            case id: state.summary.directoriesUnmodified += 1
            default: state.summary.directoriesChanged += 1
            }
        }
    }

    func blobAdded(_ kind: BlobKind, plain: Int, sealed: Int) {
        state.withLock { state in
            if kind == .data { state.summary.dataBlobs += 1 } else { state.summary.treeBlobs += 1 }
            state.summary.dataAdded += UInt64(plain)
            state.summary.dataAddedPacked += UInt64(sealed)
        }
    }

    func stored(_ bytes: Int) { state.withLock { $0.progress.bytesStored += UInt64(bytes) } }
    func failed(_ path: TreePath, _ error: StorageError) { state.withLock { $0.failures.append(ArchiveFailure(path: path, error: error)) } }
}
