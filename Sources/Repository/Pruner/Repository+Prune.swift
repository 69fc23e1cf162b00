extension Repository {
    /// Removes what no snapshot uses. Nothing goes before what replaces it is durable; what can't be read stops it before anything went.
    public func prune(_ options: PruneOptions = PruneOptions()) async throws -> PruneReport {
        try await withLock(.exclusive, isolation: nil) { lock in try await PruneRun(self, lock, options: options).run() }
    }
}
