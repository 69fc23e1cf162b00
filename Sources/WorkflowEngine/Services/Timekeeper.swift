import Basics
import LogKit
import Logging

/// Lets time act on jobs: timeouts, holds, deadlines, waits. What is due is in the database, so it does not matter which process sees it first.
struct Timekeeper: Sendable {
    let store: any RunStore
    /// The longest sleep: other processes' jobs may become due earlier than this one knows.
    let longest: Duration
    let signal = WakeSignal()
    let onChange: @Sendable (AppliedEvent, JobID) async -> Void
    let log: Logger

    func run() async {
        while !Task.isCancelled {
            let pause = await look()
            await signal.wait(atMost: min(max(pause, .milliseconds(2)), longest))
        }
    }

    /// Ticks what is due and returns how long until the next. Something that became ready by time alone wakes the claims too.
    private func look() async -> Duration {
        do {
            for job in try await store.dueJobs(limit: 100) {
                do {
                    let applied = try await store.apply(.tick, to: job)
                    if applied.refusal == nil { await onChange(applied, job) } else { try await store.settleDue(job, applied.run) }
                } catch {
                    guard try await store.setAside(job, because: error) else { throw error }
                    log.of(job: job).error("the job is set aside", error: error)
                }
            }
            return try await store.untilNextDue()?.duration ?? longest
        } catch {
            guard !Task.isCancelled else { return longest }
            log.warning("looking for what is due failed, and is tried again", error: error)
            return longest
        }
    }
}
