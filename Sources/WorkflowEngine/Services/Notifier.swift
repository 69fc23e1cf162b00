import Basics
import Synchronization

/// Tells other processes that there may be work, and who follows a job that it has ended: after a transition, outside of its transaction, and at most
/// once in a short while (a NOTIFY inside of a transaction ends group commit).
final class Notifier: Sendable {
    private struct Pending {
        var hasWork = false
        var ended: [JobID] = []
        var isEmpty: Bool { !hasWork && ended.isEmpty }
    }

    private let store: any RunStore
    private let worker: WorkerID
    private let signal = WakeSignal()
    private let pending = Mutex(Pending())
    private static let mostEnded = 1000
    private let interval = Duration.milliseconds(25)

    init(store: any RunStore, worker: WorkerID) {
        self.store = store
        self.worker = worker
    }

    /// There may be work for others.
    func raise() {
        pending.withLock { $0.hasWork = true }
        signal.raise()
    }

    func raise(ended job: JobID) {
        pending.withLock { $0.ended.append(job) }
        signal.raise()
    }

    func run() async {
        while !Task.isCancelled {
            await signal.wait()
            guard !Task.isCancelled else { return }
            await tell()
            try? await Task.sleep(for: interval)
        }
    }

    /// What nobody was told of yet.
    func tell() async {
        let news = pending.withLock { pending in
            defer { pending = Pending() }
            return pending
        }
        guard !news.isEmpty else { return }
        do { try await store.notify(by: news.hasWork ? worker : nil, ended: news.ended) } catch {
            // Told with the next, or by the session's end; until then the others' slow poll makes it good.
            pending.withLock { pending in
                pending.hasWork = pending.hasWork || news.hasWork
                pending.ended = (news.ended + pending.ended).suffix(Self.mostEnded)
            }
        }
    }
}
