import Basics
import PostgreSQL
import StepKit
import Synchronization

/// What a running body writes, all of it under the attempt's token.
final class Recorder: StepRecorder {
    private let claimed: ClaimedStep
    private let token: Int64
    private let attempt: Int
    private let store: any RunStore
    private let journal: StepJournal
    private let lease: LeaseState
    private let undo = Mutex<[String: JSONValue]>([:])
    private let running: RunningStep
    /// Called with every recorded undo state, before it is written: the guard must not know less than the database.
    private let onUndo: @Sendable ([String: JSONValue]) async -> Void

    init(
        _ claimed: ClaimedStep, running: RunningStep, store: any RunStore, journal: StepJournal, lease: LeaseState,
        onUndo: @escaping @Sendable ([String: JSONValue]) async -> Void
    ) {
        self.claimed = claimed
        self.running = running
        token = running.token
        attempt = claimed.run[claimed.step]?.attempts ?? 1
        self.store = store
        self.journal = journal
        self.lease = lease
        self.onUndo = onUndo
    }

    /// What was recorded for the undo by this attempt.
    var undoState: [String: JSONValue] { undo.withLock { $0 } }

    func log(_ level: LogLevel, _ message: String) {
        journal.add(LogLine(job: claimed.job, step: claimed.step, attempt: attempt, level: level, message: message))
    }

    func progress(_ progress: StepProgress) {
        journal.add(ProgressReport(job: claimed.job, step: claimed.step, token: token, progress: progress))
    }

    func checkpoint(_ state: JSONValue) async throws {
        try ensureHeld()
        do {
            try await store.saveCheckpoint(state, job: claimed.job, step: claimed.step, token: token)
        } catch let error as PostgreSQLError where error.sqlState == .diskFull {
            // It saves work to who takes over. What is under way is not given up for it.
            log(.warning, "not saved how far this is: \(error)")
        }
    }

    func recordUndo(_ state: [String: JSONValue]) async throws {
        undo.withLock { $0.merge(state) { _, new in new } }
        await onUndo(undoState)
        try ensureHeld()
        let applied = try await store.apply(.recordUndo(claimed.step, token: token, state: state), to: claimed.job)
        if applied.refusal == .staleToken { throw lost }
    }

    func ensureHeld() throws {
        guard lease.isHeld else { throw lost }
        if running.stop != nil { throw CancellationError() }
    }

    func base(systemIdentity: String, repositoryID: String) async throws -> Base? {
        try await store.base(tenant: claimed.tenant, systemIdentity: systemIdentity, repositoryID: repositoryID)
    }

    func proofs(repositoryID: String) async throws -> [Proof]? {
        try await store.proofs(tenant: claimed.tenant, repositoryID: repositoryID) { log(.warning, $0) }
    }

    private var lost: StepError {
        StepError(
            .leaseLost, expected: "the lease of this attempt", found: "another worker may have the step", at: "step \(claimed.step)",
            retry: .lostRace)
    }
}
