import Crypto
import Basics
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
    ///
    /// Throws, with nothing changed, where another repair comes first, because it may bring back what is missing.
    public func repairSnapshots(
        _ snapshots: [Snapshot], forget: Bool = false, dryRun: Bool = false
    ) async throws -> [SnapshotRepairReport] {
        guard !(store is CachingStore) else { return try await uncached.repairSnapshots(snapshots, forget: forget, dryRun: dryRun) }
        return try await withLock(.exclusive, isolation: nil) { lock in
            let files = files(lock)
            let index = MasterIndex()
            var stored: [ObjectID: Int64] = [:]
            for (id, size) in try await store.listIDs(ObjectNames.data) { stored[id] = size }
            var listed: Set<ObjectID> = []
            let ids = try await store.listIDs(ObjectNames.index).map(\.id)
            try await files.loadAll(ObjectNames.index, ids) { id, json in
                for pack in try IndexFile(decoding: json, at: "\(location)/index/\(id)").packs {
                    listed.insert(pack.id)
                    // A pack that is not there holds nothing, whatever the index says.
                    if stored[pack.id] != nil { index.add([pack]) }
                }
            }
            var repair = SnapshotRepair(
                files: files, loader: BlobLoader(store: store, key: key, index: index), dryRun: dryRun)
            var reports: [(report: SnapshotRepairReport, tree: ObjectID)] = []
            for snapshot in snapshots {
                var report = SnapshotRepairReport(snapshot: snapshot)
                let tree = try await repair.tree(of: snapshot, &report)
                reports.append((report, tree))
            }
            try await requireLost(repair, index, stored, listed)
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

    /// What no index lists may be in a pack all the same: in one that no index lists, or that is not what the index says. Their own headers are asked.
    private func requireLost(
        _ repair: SnapshotRepair, _ index: MasterIndex, _ stored: [ObjectID: Int64], _ listed: Set<ObjectID>
    ) async throws {
        guard !repair.lost.isEmpty else { return }
        // Of more than are known by name, whatever is not listed may be one.
        func isLost(_ key: BlobKey) -> Bool { repair.lost.contains(key) || repair.losesMore && !index.contains(key) }
        for (id, header) in try await PackEvidence(store: store, key: key).headers(of: stored.map { ($0.key, $0.value) }) {
            guard case .success(let blobs) = header, let found = blobs.first(where: { isLost($0.key) }) else { continue }
            throw RepositoryError(
                .damaged, expected: "an index that lists what every pack holds, before anything is given up",
                found: "\(found.key.kind) blob \(found.key.id), which a snapshot misses, in the header of a pack",
                at: "\(location)/\(ObjectNames.pack(id))",
                advice: listed.contains(id) ? RepositoryError.advice(repairing: id) : RepositoryError.adviceToRepairIndex)
        }
    }
}
