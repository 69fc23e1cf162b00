import Crypto
import Basics
import Synchronization

/// A lock that this process holds on a repository, refreshed while it is held.
public final class RepositoryLock: Sendable {
    public let mode: LockMode
    let repository: String
    private let state: Mutex<State>
    /// Looks for those who wrote their locks at the same time.
    private let settling: Task<Void, any Error>
    private let settlement = Settlement()
    /// The index files that the repository has.
    private let listIndexes: @Sendable () async throws -> Set<ObjectID>

    private final class Settlement: Sendable {
        let isReached = Atomic(false)
        let isProved = Atomic(false)
    }

    private struct State {
        var id: ObjectID
        var refreshed: ContinuousClock.Instant
        var loss: RepositoryError?
        /// Index files that were listed before the lock was settled.
        var earlyIndexes: Set<ObjectID> = []
        var proving: Task<Void, any Error>?
    }

    /// A holder that could not refresh for this long must stop: in 7.5 minutes others may take its lock for dead.
    static let refreshLimit: Duration = .seconds(22 * 60 + 30)
    static let refreshEvery: Duration = .seconds(5 * 60)

    /// The lock held by the present task, so that operations within `withLock` take no second one.
    @TaskLocal static var held: RepositoryLock?

    /// `settle` throws when somebody else has written his.
    init(
        mode: LockMode, repository: String, id: ObjectID, listIndexes: @escaping @Sendable () async throws -> Set<ObjectID>,
        settle: @escaping @Sendable () async throws -> Void
    ) {
        settling = Task { [settlement] in
            try await settle()
            settlement.isReached.store(true, ordering: .releasing)
        }
        self.listIndexes = listIndexes
        self.mode = mode
        self.repository = repository
        state = Mutex(State(id: id, refreshed: .now))
    }

    /// Returns when it is known that nobody holds a lock against ours; throws `.locked` when somebody does, and what the store said.
    func settled() async throws { try await settling.value }
    /// Whether it is known already.
    var isSettled: Bool { settlement.isReached.load(ordering: .acquiring) }

    /// Whoever waits for either is told that it was cancelled. Nothing happens where they are reached.
    func stopSettling() {
        settling.cancel()
        state.withLock { $0.proving }?.cancel()
    }

    /// What is done under the lock relies on these index files, which were listed before it was settled.
    func relies(on indexes: Set<ObjectID>) { state.withLock { $0.earlyIndexes.formUnion(indexes) } }

    /// Returns when the lock is settled and what was listed before is there still; nothing may be written or removed before. Throws `.locked` when
    /// an index is gone: a prune came and went between our looking for locks and the writing of ours, and blobs that the index named may have gone with it.
    func proved() async throws {
        if isProved { return }
        let proving = state.withLock { state in
            let proving = state.proving ?? Task { try await self.prove() }
            state.proving = proving
            return proving
        }
        try await proving.value
    }

    /// Once it is, errors are what they say.
    var isProved: Bool { settlement.isProved.load(ordering: .acquiring) }

    private func prove() async throws {
        try await settled()
        let early = state.withLock { $0.earlyIndexes }
        let missing = early.isEmpty ? [] : early.subtracting(try await listIndexes())
        if let first = missing.first {
            throw RepositoryError(
                .locked, expected: "the indexes that were loaded", found: "\(missing.count.counted("missing one")), \(first) among them",
                at: repository, advice: "somebody pruned at that moment; a repetition reads the new ones", retry: .transient)
        }
        settlement.isProved.store(true, ordering: .releasing)
    }

    var id: ObjectID { state.withLock { $0.id } }

    func refreshed(as id: ObjectID, at time: ContinuousClock.Instant) {
        state.withLock { state in
            state.id = id
            state.refreshed = time
        }
    }

    func lose(_ error: RepositoryError) { state.withLock { $0.loss = $0.loss ?? error } }

    /// Throws when the lock no longer protects what we do. Asked before every write and delete.
    public func requireHeld() throws(RepositoryError) {
        let (loss, refreshed) = state.withLock { ($0.loss, $0.refreshed) }
        if let loss { throw loss }
        guard ContinuousClock.now - refreshed < Self.refreshLimit else {
            throw RepositoryError(
                .lockLost, expected: "a lock refreshed in the last 22 minutes", found: "an older one", at: repository,
                advice: "the store could not be reached, or this host was suspended; run again", retry: .transient)
        }
    }
}
