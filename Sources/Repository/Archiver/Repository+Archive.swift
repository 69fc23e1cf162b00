import Crypto
import Basics
import Foundation
public import StorageKit

extension Repository {
    /// Stores a tree as a new snapshot.
    ///
    /// Files that could not be read, or changed meanwhile, are in the report; an error of the store, or one that is no
    /// `StorageError`, ends the run. Cancelling it is prompt and leaves a good repository: what was indexed is found by the next run.
    public func archive(_ reader: any TreeReader, _ options: ArchiveOptions) async throws -> ArchiveReport {
        try await withUnsettledLock(isolation: nil) { lock in
            let parent = try await parent(for: reader.paths, options)
            let index = try await loadIndex(lock)
            // Not every tree can be read twice.
            try await lock.proved()
            return try await archive(reader, parent: parent, index, lock, options)
        }
    }

    /// Stores a block image as a new snapshot: one file of fixed extents under `path`.
    ///
    /// What the source says did not change since the base is taken from the parent without reading it, but for a sample; what it says is
    /// empty is not read either. An extent that can't be read ends the run: an image with a hole is no copy.
    public func archive(
        image: any ImageReader, at path: TreePath, _ imageOptions: ImageOptions, _ options: ArchiveOptions
    ) async throws -> ArchiveReport {
        try await withUnsettledLock(isolation: nil) { lock in
            let index = try await loadIndex(lock)
            let known = try await snapshots()
            let held = imageOptions.base.flatMap { base in known.last { $0.id == base.snapshotID } }
            let begin = FileTime(since: options.time ?? .now)
            let tree = ImageTree(image, at: path, base: held == nil ? nil : imageOptions.base, modified: begin, imageOptions)
            if let base = imageOptions.base, held == nil {
                tree.note { $0.baseRefused = "its snapshot \(base.snapshotID.prefix(8)) is not in the repository any more" }
            }
            let parent = if let held { held } else { try await parent(for: tree.paths, options) }
            var report = try await archive(tree, parent: parent, index, lock, options)
            report.image = tree.report
            return report
        }
    }

    /// Stores the parts of a system, all of one point in time, as one snapshot: a folder at `path` with an entry for each, images as
    /// `archive(image:)` does it. The base is of all of them; what a part's image does not know of it is read.
    public func archive(
        parts: [OpenPart], at path: TreePath, _ imageOptions: ImageOptions, _ options: ArchiveOptions
    ) async throws -> ArchiveReport {
        try await withUnsettledLock(isolation: nil) { lock in
            let index = try await loadIndex(lock)
            let known = try await snapshots()
            let held = imageOptions.base.flatMap { base in known.last { $0.id == base.snapshotID } }
            let begin = FileTime(since: options.time ?? .now)
            let tree = try PartTree(parts, at: path, base: held == nil ? nil : imageOptions.base, modified: begin, imageOptions)
            if let base = imageOptions.base, held == nil {
                tree.note { $0.baseRefused = "its snapshot \(base.snapshotID.prefix(8)) is not in the repository any more" }
            }
            let parent = if let held { held } else { try await parent(for: tree.paths, options) }
            var report = try await archive(tree, parent: parent, index, lock, options)
            report.parts = tree.reports
            return report
        }
    }

    private func archive(
        _ reader: any TreeReader, parent: Snapshot?, _ index: MasterIndex, _ lock: RepositoryLock, _ options: ArchiveOptions
    ) async throws -> ArchiveReport {
        let paths = reader.paths
        let run = ArchiveRun(self, lock, reader: reader, parent: parent, index: index, options: options)
        let root = try await run.run(parent: try parent?.treeID())
        let end = Instant.now
        let summary = run.counters.summary(end: end)
        var failures = run.counters.failures
        if !options.allowsEmpty, summary.filesProcessed == 0, let before = try await filesBefore(parent, paths, options), before > 0 {
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

    private func parent(for paths: [String], _ options: ArchiveOptions) async throws -> Snapshot? {
        switch options.parent {
        case .none: return nil
        case .id(let id):
            guard let found = try await snapshots().first(where: { $0.id == id }) else {
                throw RepositoryError(
                    .noSuchSnapshot, expected: "snapshot \(id) as the parent", found: "no such snapshot", at: location,
                    advice: "list the snapshots and choose one, or leave the parent out")
            }
            return found
        case .automatic: return options.chosen(among: try await parents(for: paths, options))
        }
    }

    /// Snapshots of the same host and paths, the oldest first. What is of the future says nothing of what changed since.
    private func parents(for paths: [String], _ options: ArchiveOptions) async throws -> [Snapshot] {
        let (now, wanted) = (Instant.now, paths.exact)
        return try await snapshots().filter { snapshot in
            snapshot.hostname.isExactly(options.host) && snapshot.paths.exact == wanted
                && options.time.map { snapshot.time <= $0 } ?? !snapshot.isOfTheFuture(at: now)
        }
    }

    /// How many files the source had. What missed something is no measure: after one empty copy, the next would be one like any other.
    private func filesBefore(_ parent: Snapshot?, _ paths: [String], _ options: ArchiveOptions) async throws -> UInt64? {
        if case .id = options.parent { return parent?.summary?.filesProcessed }
        let whole = try await parents(for: paths, options).filter { snapshot in
            options.tagWhenPartial.map { !snapshot.tags.contains($0) } ?? true
        }
        return options.chosen(among: whole)?.summary?.filesProcessed
    }
}

extension FileTime {
    init(since time: Instant) {
        let (seconds, rest) = time.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        self.init(seconds: rest < 0 ? seconds - 1 : seconds, nanoseconds: Int32((rest < 0 ? rest + 1_000_000 : rest) * 1000))
    }
}

extension ArchiveOptions {
    fileprivate func chosen(among snapshots: [Snapshot]) -> Snapshot? {
        if let chooseParent { chooseParent(snapshots) } else { snapshots.last }
    }
}

extension TreeReader {
    /// What a snapshot of it says that it is of.
    fileprivate var paths: [String] { ["/" + logicalPath.description] }
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
