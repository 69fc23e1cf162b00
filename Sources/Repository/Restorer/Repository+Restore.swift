import Crypto
public import StorageKit

extension Repository {
    /// Writes a snapshot's tree, or part of it, to `writer`: every blob verified, zero runs left as holes, hard links and metadata restored.
    ///
    /// Files that can't be restored are in the report and leave nothing behind; a full destination or an error of the store ends the run.
    public func restore(_ snapshot: Snapshot, to writer: any TreeWriter, _ options: RestoreOptions = RestoreOptions()) async throws
        -> RestoreReport
    {
        guard options.lock else { return try await restoreUnlocked(snapshot, to: writer, options) }
        return try await withLock(.shared, isolation: nil) { _ in try await restoreUnlocked(snapshot, to: writer, options) }
    }

    private func restoreUnlocked(_ snapshot: Snapshot, to writer: any TreeWriter, _ options: RestoreOptions) async throws -> RestoreReport {
        let loader = BlobLoader(store: store, key: key, index: try await loadIndex())
        return try await RestoreRun(loader: loader, writer: writer, options: options).run(root: try snapshot.treeID())
    }
}
