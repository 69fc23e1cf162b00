extension Repository {
    /// Checks the repository, or one snapshot of it: that what snapshots use is there, and as much of the packs' data as asked for.
    ///
    /// What is wrong is in the report; an error is thrown only when the check itself could not be done.
    public func check(_ options: CheckOptions = CheckOptions()) async throws -> CheckReport {
        guard !(store is CachingStore) else { return try await uncached.check(options) }
        guard options.lock else { return try await CheckRun(self, options: options).run() }
        return try await withLock(.shared, isolation: nil) { _ in try await CheckRun(self, options: options).run() }
    }
}
