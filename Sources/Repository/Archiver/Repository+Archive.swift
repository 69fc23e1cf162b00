import Crypto
import FlowModel
import Foundation
public import StorageKit

extension Repository {
    /// Stores a tree as a new snapshot.
    ///
    /// Files that could not be read, or changed meanwhile, are in the report; an error of the store, or one that is no
    /// `StorageError`, ends the run. Cancelling it is prompt and leaves a good repository: what was indexed is found by the next run.
    public func archive(_ reader: any TreeReader, _ options: ArchiveOptions) async throws -> ArchiveReport {
        try await withLock(.shared, isolation: nil) { lock in
            let paths = ["/" + reader.logicalPath.description]
            let parent = try await parent(for: paths, options)
            let run = ArchiveRun(self, lock, reader: reader, index: try await loadIndex(), options: options)
            let root = try await run.run(parent: try parent?.treeID())
            let end = Instant.now
            let summary = run.counters.summary(end: end)
            var failures = run.counters.failures
            if !options.allowsEmpty, summary.filesProcessed == 0, let before = parent?.summary?.filesProcessed, before > 0 {
                failures.append(.emptied(before, at: paths[0]))
            }
            var tags = options.tags
            if !failures.isEmpty, let tag = options.tagWhenPartial { tags.append(tag) }
            var snapshot = Snapshot(
                time: options.time ?? summary.start, tree: root.hex, parent: parent?.id, paths: paths, hostname: options.host,
                username: NSUserName(), tags: tags, excludes: options.excludePatterns, programVersion: "snappy-flow 0.1",
                summary: summary)
            try Task.checkCancellation()
            snapshot.id = try await files(lock).save(ObjectNames.snapshots, snapshot.encoded).hex
            return ArchiveReport(snapshot: snapshot, failures: failures, summary: summary)
        }
    }

    private func parent(for paths: [String], _ options: ArchiveOptions) async throws -> Snapshot? {
        switch options.parent {
        case .none: return nil
        case .id(let id):
            guard let found = try await snapshots().first(where: { $0.id == id }) else {
                throw RepositoryError(
                    .noSnapshot, expected: "snapshot \(id) as the parent", found: "no such snapshot", at: location,
                    advice: "list the snapshots and choose one, or leave the parent out")
            }
            return found
        case .automatic:
            return try await snapshots().last { snapshot in
                snapshot.hostname == options.host && Set(snapshot.paths) == Set(paths) && options.time.map { snapshot.time <= $0 } ?? true
            }
        }
    }
}

extension ArchiveFailure {
    fileprivate static func emptied(_ before: UInt64, at location: String) -> ArchiveFailure {
        ArchiveFailure(
            path: TreePath(),
            error: StorageError(
                .notFound, expected: "files: the snapshot before has \(before)", found: "no file at all, where there were \(before)",
                at: location,
                advice: "look whether the source is mounted"))
    }
}
