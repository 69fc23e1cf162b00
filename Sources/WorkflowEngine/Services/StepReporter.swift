import Basics
import LogKit
import Logging

/// Gets an attempt's end into the database, however long that is away. The token keeps a late report harmless.
struct StepReporter: Sendable {
    let store: any RunStore
    let lease: LeaseState
    let onChange: @Sendable (AppliedEvent, JobID) async -> Void
    let log: Logger

    /// How long a report is tried after the lease is gone: by then somebody else has taken the step over.
    private static let patience = Duration.seconds(60)

    /// `isPatient`: nobody waits for it.
    func report(_ event: RunEvent, to job: JobID, isPatient: Bool = false) async {
        var pause = isPatient ? Duration.seconds(5) : .milliseconds(50)
        let start = ContinuousClock.now
        while true {
            do {
                let applied = try await store.apply(event, to: job)
                if applied.refusal == nil {
                    await onChange(applied, job)
                } else if applied.refusal == .staleToken {
                    log.of(job: job).notice("the end of an attempt came too late and changed nothing")
                }
                return
            } catch let error as Explanation where error.isRotten && !isPatient {
                // Its slot is for others meanwhile. Once the job is mended, the end of the attempt is told.
                log.of(job: job).error("the job is set aside", error: error)
                Task { await report(event, to: job, isPatient: true) }
                return
            } catch {
                if !isPatient { log.of(job: job).warning("what happened was not recorded yet", error: error) }
                guard lease.isHeld || ContinuousClock.now - start < Self.patience else { return }
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, isPatient ? .seconds(30) : .seconds(2))
            }
        }
    }
}
