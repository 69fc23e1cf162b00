import Basics
import FlowModel
import LogKit
import Logging
import Synchronization

/// What a worker's log says of jobs: how attempts and jobs end, and alarms. All of it is in the database too; the process that wrote it
/// there says it.
final class JobLog: Sendable {
    private let log: Logger
    private let awaited = Mutex<JobID?>(nil)

    init(_ log: Logger) { self.log = log }

    /// Somebody in this process waits for the job and shows what becomes of it: that it fails is no news.
    func leave(toOthers job: JobID) { awaited.withLock { $0 = job } }

    func begin(_ claimed: ClaimedStep) {
        log.of(job: claimed.job, step: claimed.step, attempt: claimed.run[claimed.step]?.attempts ?? 1).info(
            "an attempt begins", metadata: ["verb": "\(claimed.run.planned(claimed.step)?.verb ?? "none")"])
    }

    func tell(_ applied: AppliedEvent, of job: JobID) {
        let log = log.of(job: job)
        let isAwaited = awaited.withLock { $0 == job }
        for action in applied.actions {
            switch action {
            case .attemptClosed(let step, let number, let outcome, let error):
                log.of(step: step, attempt: number).log(
                    level: isAwaited ? .info : Self.level(of: outcome), "an attempt has ended", error: error,
                    metadata: ["outcome": "\(outcome.rawValue)"])
            case .event(let entry) where entry.kind == .jobEnded:
                let state = applied.run.job
                log.log(
                    level: isAwaited ? .info : Self.level(of: state), "the job has ended",
                    metadata: ["outcome": "\(state.outcome?.rawValue ?? "none")", "cleanup": "\(state.cleanup.rawValue)"])
            case .event(let entry) where entry.isAlarm:
                log.of(step: entry.step).log(
                    level: isAwaited ? .info : .error, "\(entry.kind.rawValue): \(entry.details.canonicalText)")
            default: break
            }
        }
    }

    private static func level(of job: JobProgress) -> Logger.Level {
        switch job.outcome {
        case .succeeded where job.cleanup == .clean: .info
        case .cancelled where job.cleanup == .clean: .notice
        default: .error
        }
    }

    /// A failed attempt is tried again, or fails its job, which is said then.
    private static func level(of outcome: AttemptOutcome) -> Logger.Level {
        switch outcome {
        case .failed, .timedOut: .warning
        case .lost: .notice
        case .running, .succeeded, .cancelled: .info
        }
    }
}
