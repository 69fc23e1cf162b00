import Basics

/// How long to wait for other programs that hold a lock against ours: a `restic check` in the night is no reason to fail a backup.
public struct LockPatience: Sendable {
    /// Nothing by default: who asked is told at once.
    public var limit: Duration
    /// Called once for each lock that is waited for.
    public var onWait: @Sendable (RepositoryError) -> Void

    public init(limit: Duration = .zero, onWait: @escaping @Sendable (RepositoryError) -> Void = { _ in }) {
        self.limit = limit
        self.onWait = onWait
    }

    /// `settled` false: whether somebody wrote his lock at the same time is not waited for.
    func acquire(_ mode: LockMode, by locker: Locker, settled: Bool) async throws -> RepositoryLock {
        let deadline = ContinuousClock.now + limit
        var pause = Duration.milliseconds(500)
        var waitedFor: String?
        while true {
            do {
                return try await settled ? locker.acquire(mode) : locker.begin(mode)
            } catch let error as RepositoryError where error.kind == .locked && error.retry == .transient {
                guard ContinuousClock.now + pause < deadline else { throw error }
                if waitedFor != error.found { onWait(error) }
                waitedFor = error.found
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(10))
            }
        }
    }
}
