import Crypto
import Basics
import StorageKit

extension Repository {
    /// Checks the repository, or one snapshot of it: that what snapshots use is there, and as much of the packs' data as asked for.
    ///
    /// What is wrong is in the report; an error is thrown only when the check itself could not be done.
    public func check(_ options: CheckOptions = CheckOptions()) async throws -> CheckReport {
        guard !(store is CachingStore) else { return try await uncached.check(options) }
        guard options.lock else { return try await checkStores(options) }
        return try await withLock(.shared, isolation: nil) { _ in try await checkStores(options) }
    }

    /// Of a mirrored repository each store by itself: each must do alone.
    private func checkStores(_ options: CheckOptions) async throws -> CheckReport {
        guard let mirror else { return try await CheckRun(self, options: options).run() }
        var report = try await CheckRun(reading(mirror.first), options: options).run()
        let other = try await CheckRun(reading(mirror.second), options: options).run()
        report.join(other)
        if options.snapshot == nil { report.problems += try await differingSnapshots(mirror) }
        return report
    }

    /// A store that has lost a snapshot does not miss it.
    private func differingSnapshots(_ mirror: MirroredStore) async throws -> [CheckProblem] {
        let here = Set(try await mirror.first.listIDs(ObjectNames.snapshots).map(\.id))
        let there = Set(try await mirror.second.listIDs(ObjectNames.snapshots).map(\.id))
        return here.symmetricDifference(there).sorted().map { id in
            let lacking = here.contains(id) ? mirror.second : mirror.first
            return CheckProblem(
                severity: .damage,
                error: RepositoryError(
                    .damaged, expected: "snapshot \(id.hex.prefix(8)) in both stores", found: "none", at: lacking.properties.location,
                    advice: "run `snappy-flow repository mirror`"))
        }
    }
}
