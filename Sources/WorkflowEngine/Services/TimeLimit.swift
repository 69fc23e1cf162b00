/// Runs `body`, which is cancelled when it is not done within `limit`; false then. Throws `CancellationError` where the caller's own task was cancelled:
/// who tries again after false would never end. For what waits for a server that may never come back.
func withLimit(_ limit: Duration, _ body: @escaping @Sendable () async throws -> Void) async throws -> Bool {
    try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
            do { try await body() } catch is CancellationError where Task.isCancelled { return false }
            return true
        }
        group.addTask {
            try? await Task.sleep(for: limit)
            return false
        }
        defer { group.cancelAll() }
        let isDone = try await group.next() ?? false
        if !isDone { try Task.checkCancellation() }
        return isDone
    }
}
