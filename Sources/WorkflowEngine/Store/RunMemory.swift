import Basics
import Synchronization

/// The latest known run of jobs that this process works on. A memory, not the truth: a write over an old version changes nothing, and
/// then the truth is read.
final class RunMemory: Sendable {
    private static let most = 256
    private let records = Mutex<[JobID: RunRecord]>([:])
    /// Jobs of which another process's transition came first, lately: one that is decided on what is remembered would likely be for nothing.
    private let contended = Mutex<Set<JobID>>([])

    func isContended(_ job: JobID) -> Bool { contended.withLock { $0.contains(job) } }

    func setContended(_ job: JobID, _ isContended: Bool) {
        contended.withLock { contended in
            if !isContended {
                contended.remove(job)
            } else {
                if contended.count >= Self.most { contended.removeAll() }
                contended.insert(job)
            }
        }
    }

    subscript(job: JobID) -> RunRecord? { records.withLock { $0[job] } }

    func keep(_ record: RunRecord) {
        records.withLock { records in
            if record.run.hasEnded {
                records[record.job] = nil
                return
            }
            if let known = records[record.job], known.run.job.version > record.run.job.version { return }
            if records.count >= Self.most, records[record.job] == nil { records.removeAll() }
            records[record.job] = record
        }
    }

    func forget(_ job: JobID) { records.withLock { $0[job] = nil } }
}

/// Steps that a worker of this process could not accept, so that they don't stand in the way of others. For a while only: a missing
/// secret may appear.
final class RefusalMemory: Sendable {
    private static let life = Duration.seconds(30)
    private let refused = Mutex<[String: ContinuousClock.Instant]>([:])

    func add(_ job: JobID, _ step: StepID, by worker: WorkerID) {
        refused.withLock { $0["\(worker)/\(job)/\(step)"] = .now + Self.life }
    }

    /// `JOB/STEP` of what the worker need not look at now.
    func current(for worker: WorkerID) -> [String] {
        refused.withLock { refused in
            let now = ContinuousClock.Instant.now
            refused = refused.filter { $0.value > now }
            let prefix = "\(worker)/"
            return refused.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        }
    }
}
