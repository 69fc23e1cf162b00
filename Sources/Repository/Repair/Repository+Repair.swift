import Crypto
import StorageKit

extension Repository {
    /// Makes the index say what the packs hold. `readingEveryPack` trusts no index at all. No pack is changed or removed.
    public func repairIndex(
        readingEveryPack: Bool = false, dryRun: Bool = false, progress: (@Sendable (_ done: Int, _ of: Int) -> Void)? = nil
    ) async throws -> IndexRepairReport {
        guard !(store is CachingStore) else {
            return try await uncached.repairIndex(readingEveryPack: readingEveryPack, dryRun: dryRun, progress: progress)
        }
        return try await withLock(.exclusive, isolation: nil) { lock in
            try await IndexRepair(
                repository: self, files: files(lock), readsEveryPack: readingEveryPack, dryRun: dryRun, progress: progress
            ).run()
        }
    }

    /// Saves the whole blobs of damaged packs, given by their ids (64 hex digits), and removes those packs.
    public func repairPacks(_ ids: [String]) async throws -> PackRepairReport {
        guard !(store is CachingStore) else { return try await uncached.repairPacks(ids) }
        let packs = try ids.map { text in
            guard let id = ObjectID(hex: text) else {
                throw RepositoryError(
                    .invalid, expected: "the id of a pack, 64 hex digits", found: "\"\(text)\"", at: location,
                    advice: "a check names the packs that are damaged")
            }
            return id
        }
        return try await withLock(.exclusive, isolation: nil) { lock in
            try await PackRepair(repository: self, files: files(lock)).run(Set(packs))
        }
    }

    /// For every snapshot that refers to what is lost, makes one that doesn't, tagged `repaired`. The old ones stay unless `forget`.
    public func repairSnapshots(
        _ snapshots: [Snapshot], forget: Bool = false, dryRun: Bool = false
    ) async throws -> [SnapshotRepairReport] {
        guard !(store is CachingStore) else { return try await uncached.repairSnapshots(snapshots, forget: forget, dryRun: dryRun) }
        return try await withLock(.exclusive, isolation: nil) { lock in
            let files = files(lock)
            let index = MasterIndex()
            let stored = Set(try await store.listIDs(ObjectNames.data).map(\.id))
            let ids = try await store.listIDs(ObjectNames.index).map(\.id)
            try await files.loadAll(ObjectNames.index, ids) { id, json in
                // A pack that is not there holds nothing, whatever the index says.
                index.add(try IndexFile(decoding: json, at: "\(location)/index/\(id)").packs.filter { stored.contains($0.id) })
            }
            var repair = SnapshotRepair(
                files: files, loader: BlobLoader(store: store, key: key, index: index), dryRun: dryRun)
            var reports: [(report: SnapshotRepairReport, tree: ObjectID)] = []
            for snapshot in snapshots {
                var report = SnapshotRepairReport(snapshot: snapshot)
                let tree = try await repair.tree(of: snapshot, &report)
                reports.append((report, tree))
            }
            guard !dryRun else { return reports.map(\.report) }
            try await repair.finish()
            let known = try await loadSnapshots { _ in }.filter { $0.tags.contains(SnapshotRepair.tag) }
            for (number, entry) in reports.enumerated() where !entry.report.isWhole {
                let old = entry.report.snapshot
                var next = old
                next.tree = entry.tree.hex
                next.original = old.original ?? old.id
                next.summary = nil
                if !next.tags.contains(SnapshotRepair.tag) { next.tags.append(SnapshotRepair.tag) }
                // Repaired before: one is enough.
                if let twin = known.first(where: { $0.original == next.original && $0.tree == next.tree }) {
                    next = twin
                } else {
                    next.id = try await files.save(ObjectNames.snapshots, next.encoded).hex
                }
                if forget { try await files.store.delete(ObjectName(ObjectNames.snapshots + old.id)) }
                reports[number].report.repaired = next
            }
            return reports.map(\.report)
        }
    }
}
