import Basics
import Logging

/// Renews the worker's lease at a third of its length, and says when the worker must stop: declared dead, or not renewed in time.
struct LeaseKeeper: Sendable {
    enum End: Sendable { case cancelled, lost }

    let store: any RunStore
    let worker: WorkerID
    let lease: TimeSpan
    let state: LeaseState
    /// Raised to renew at once, for the stops that come with the answer.
    let signal: WakeSignal
    let onStops: @Sendable ([HeartbeatReply.Stop]) async -> Void
    /// Told with each renewal from then on.
    let onNewerSchema: @Sendable (_ version: Int) async -> Void
    let log: Logger

    /// Bodies are stopped this long before the lease ends.
    private var margin: Duration { lease.duration / 5 }

    func run() async -> End {
        await withTaskGroup(of: End.self) { group in
            group.addTask { await renewals() }
            group.addTask { await watch() }
            let end = await group.next() ?? .lost
            group.cancelAll()
            if end == .lost { state.fence() }
            return end
        }
    }

    private func renewals() async -> End {
        var pause = lease.duration / 3
        while !Task.isCancelled {
            await signal.wait(atMost: pause)
            guard !Task.isCancelled else { return .cancelled }
            let sentAt = ContinuousClock.now
            do {
                guard let reply = try await store.heartbeat(worker, lease: lease) else {
                    log.error("declared dead: others take over what it had")
                    return .lost
                }
                state.renew(sentAt: sentAt, lease: lease)
                log.debug("the lease is renewed")
                pause = lease.duration / 3
                if !reply.stops.isEmpty { await onStops(reply.stops) }
                if let version = reply.newerSchema { await onNewerSchema(version) }
            } catch {
                guard !Task.isCancelled else { return .cancelled }
                log.warning("the lease was not renewed", error: error)
                pause = lease.duration / 15
            }
        }
        return .cancelled
    }

    /// A clock of its own: a renewal that hangs must not delay the stop.
    private func watch() async -> End {
        while !Task.isCancelled {
            let left = state.heldUntil - margin - ContinuousClock.now
            if left <= .zero {
                log.error("the lease is about to end unrenewed: everything is stopped")
                return .lost
            }
            try? await Task.sleep(for: left)
        }
        return .cancelled
    }
}
