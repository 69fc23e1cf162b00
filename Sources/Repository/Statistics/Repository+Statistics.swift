import StorageKit
import Synchronization

extension Repository {
    /// Counts what is stored and what of it the snapshots use. Reads the index and every tree.
    public func statistics() async throws -> RepositoryStatistics {
        try await withLock(.shared, isolation: nil) { _ in try await count() }
    }

    private func count() async throws -> RepositoryStatistics {
        var statistics = RepositoryStatistics()
        let snapshots = try await snapshots()
        statistics.snapshots = snapshots.count
        statistics.keys = try await store.listIDs(ObjectNames.keys).count
        let packs = try await store.listIDs(ObjectNames.data)
        statistics.packs = packs.count
        statistics.packBytes = packs.reduce(0) { $0 + $1.size }
        statistics.storedBytes = statistics.packBytes + (try await store.stat(ObjectNames.config)?.size ?? 0)
        for prefix in [ObjectNames.keys, ObjectNames.index, ObjectNames.snapshots] {
            statistics.storedBytes += try await store.listIDs(prefix).reduce(0) { $0 + $1.size }
        }
        let index = try await loadIndex()
        let blobs = UsedBlobs(loader: BlobLoader(store: store, key: key, index: index))
        for snapshot in snapshots { try await blobs.add(try snapshot.treeID()) }
        statistics.unreadableTrees = blobs.problems.count
        for key in blobs.used {
            guard let blob = index.locations(of: key).first?.blob else { continue }
            statistics.usedBlobs += 1
            statistics.usedPlainBytes += Int64(blob.size)
            statistics.usedStoredBytes += Int64(blob.length)
        }
        statistics.unusedBytes = index.storedBytes - statistics.usedStoredBytes
        return statistics
    }
}
