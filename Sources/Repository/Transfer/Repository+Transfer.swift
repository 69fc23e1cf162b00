import Crypto
import Basics

extension Repository {
    /// Copies snapshots of this repository into another one, the oldest first. Those that are there already are left out.
    ///
    /// Blobs are verified, sealed with the other repository's key and not compressed anew. Both repositories are locked, not exclusively. Cancelling
    /// leaves both good; what was sent is found by the next run.
    public func copy(
        _ snapshots: [Snapshot], to other: Repository, progress: (@Sendable (TransferProgress) -> Void)? = nil
    ) async throws -> TransferReport {
        guard id != other.id else {
            throw RepositoryError(
                .invalid, expected: "two repositories", found: "the same one (\(id.prefix(10)))", at: other.location,
                advice: "name another repository to copy into")
        }
        return try await withLock(.shared, isolation: nil) { _ in
            let loader = BlobLoader(store: store, key: key, index: try await loadIndex())
            return try await other.withLock(.shared, isolation: nil) { lock in
                var transfer = SnapshotTransfer(
                    source: loader, sourceFiles: files, targetFiles: other.files(lock), target: try await other.loadIndex(),
                    progress: progress)
                let known = try await other.snapshots()
                try await transfer.run(snapshots.sorted { ($0.time, $0.id) < ($1.time, $1.id) }, known: known)
                return transfer.report
            }
        }
    }
}
