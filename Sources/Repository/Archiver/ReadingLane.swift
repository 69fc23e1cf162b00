import StorageKit
import Synchronization
import Threads

/// What one thread reads files with. Used by one thread at a time.
struct ReadingLane: Sendable {
    let content: ContentReader
    let saver: WalkSaver
}

/// A file that was listed and is to be read, or taken from the parent.
struct WaitingFile: Sendable {
    var path: TreePath
    var node: Node
    var directory: DirectoryAssembly
    var slot: Int
    var former: Node?
}

extension ArchiveRun {
    /// Reads one folder's files, as many at once as there are lanes.
    func read(_ files: [WaitingFile]) async throws {
        guard !files.isEmpty else { return }
        let queue = Mutex(files[...])
        let next: @Sendable () -> WaitingFile? = { queue.withLock { $0.popFirst() } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in lanes.prefix(files.count) {
                group.addTask { [self] in
                    try await breakdown.guarding {
                        try await pool.run {
                            while let file = next() {
                                try self.breakdown.check()
                                try self.archive(file, lane)
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
