import Basics
import LogKit
import Logging

/// Finds workers whose lease has passed, or whose process on this host is dead, and gives their steps back; and says of what nobody will ever do. Any
/// number of processes may do this at once.
struct Rescuer: Sendable {
    let store: any RunStore
    let host: String
    /// Checked so often; a part of the lease.
    let interval: Duration
    let onChange: @Sendable (AppliedEvent, JobID) async -> Void
    let log: Logger

    /// Looked for so many times more seldom: it reads every step that is ready.
    private static let stallRounds = 10

    func run() async {
        for round in 1... {
            guard !Task.isCancelled else { return }
            await rescue()
            if round % Self.stallRounds == 0 { await lookForStalls() }
            try? await Task.sleep(for: interval)
        }
    }

    /// One look. Leaves what fails to the next.
    func rescue() async {
        do {
            for neighbour in try await store.neighbours(host: host) where ProcessIdentity(neighbour.process)?.isDead ?? false {
                log.notice("a worker's process is dead", metadata: ["lost": "\(neighbour.worker)"])
                try await store.retire(neighbour.worker)
            }
            for lost in try await store.lostWork(limit: 100) {
                do {
                    let applied = try await store.apply(.workerLost(lost.worker), to: lost.job)
                    guard applied.refusal == nil else { continue }
                    log.of(job: lost.job).notice("a worker is lost, its steps are taken over", metadata: ["lost": "\(lost.worker)"])
                    await onChange(applied, lost.job)
                } catch {
                    guard try await store.setAside(lost.job, because: error) else { throw error }
                    log.of(job: lost.job).error("the job is set aside", error: error)
                }
            }
        } catch {
            guard !Task.isCancelled else { return }
            log.warning("looking for lost workers failed, and is tried again", error: error)
        }
    }

    /// One look at what stands still. Where the machine has a way on, it goes it; of the rest somebody is told, once.
    func lookForStalls() async {
        do {
            let stalls = try await store.stalled()
            guard !stalls.isEmpty else { return }
            for job in Set(stalls.map(\.job)) {
                do {
                    let applied = try await store.settleAnew(job)
                    if applied.refusal == nil { await onChange(applied, job) }
                } catch {
                    guard try await store.setAside(job, because: error) else { throw error }
                    log.of(job: job).error("the job is set aside", error: error)
                }
            }
            for stall in try await store.raiseAlarm(of: try await store.stalled()) {
                log.of(job: stall.job).error("the job stands still: \(stall)")
            }
        } catch {
            guard !Task.isCancelled else { return }
            log.warning("looking for what stands still failed, and is tried again", error: error)
        }
    }
}
