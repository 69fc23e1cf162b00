import Crypto
import FlowModel
import Synchronization

/// A lock that this process holds on a repository, refreshed while it is held.
public final class RepositoryLock: Sendable {
    public let mode: LockMode
    let repository: String
    private let state: Mutex<State>
    /// Looks for those who wrote their locks at the same time.
    private let settling: Task<Void, any Error>
    private let settlement = Settlement()

    private final class Settlement: Sendable {
        let isReached = Atomic(false)
    }

    private struct State {
        var id: ObjectID
        var refreshed: ContinuousClock.Instant
        var loss: RepositoryError?
        var indexes: Set<ObjectID> = []
    }

    /// A holder that could not refresh for this long must stop: in 7.5 minutes others may take its lock for dead.
    static let refreshLimit: Duration = .seconds(22 * 60 + 30)
    static let refreshEvery: Duration = .seconds(5 * 60)

    /// The lock held by the present task, so that operations within `withLock` take no second one.
    @TaskLocal static var held: RepositoryLock?

    /// `settle` throws when somebody else has written his.
    init(mode: LockMode, repository: String, id: ObjectID, settle: @escaping @Sendable () async throws -> Void) {
        settling = Task { [settlement] in
            try await settle()
            settlement.isReached.store(true, ordering: .releasing)
        }
        self.mode = mode
        self.repository = repository
        state = Mutex(State(id: id, refreshed: .now))
    }

    /// Returns when it is known that nobody holds a lock against ours; throws `.locked` when somebody does, and what the store said. Nothing may be written
    /// or removed before, and what was read before holds only if it is there still.
    func settled() async throws { try await settling.value }
    func stopSettling() { settling.cancel() }
    /// Whether it is known already.
    var isSettled: Bool { settlement.isReached.load(ordering: .acquiring) }

    /// Index files that what is done under the lock relies on, loaded before it was settled.
    var indexes: Set<ObjectID> {
        get { state.withLock { $0.indexes } }
        set { state.withLock { $0.indexes = newValue } }
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
