import Basics
import FlowModel
import PostgreSQL
import StepKit
import WorkflowEngine

/// Looks at one job again and again: woken when it has ended, with a slow poll below that. A look at a job of which nothing has changed costs three
/// small statements, whatever its size.
actor JobFollower {
    private let store: EngineStore
    private let job: JobID
    private let pace: FollowPace
    private let end: WakeSignal
    private let listening: Task<Void, Never>?
    private var known: Known?
    private var lastEvent: Int64 = 0
    private var isOver = false

    /// What was read, and the version that it is at least of.
    private struct Known {
        var version: JobVersion
        var details: JobDetails
    }

    init(_ control: FlowControl, _ job: JobID, _ pace: FollowPace) {
        store = control.store
        self.job = job
        self.pace = pace
        let end = pace.end ?? WakeSignal()
        self.end = end
        listening = pace.end == nil ? Task { [store] in for await _ in store.endings(of: job) { end.raise() } } : nil
    }

    deinit { listening?.cancel() }

    func next() async throws -> JobUpdate? {
        guard !isOver else { return nil }
        if known == nil, pace.begin > .zero { await end.wait(atMost: pace.begin) }
        while true {
            try Task.checkCancellation()
            let isFirst = known == nil
            if !isFirst { await end.wait(atMost: pace.look) }
            try Task.checkCancellation()
            let (details, isNew) = try await ask { try await self.look() }
            // After the job: what is seen of it has its events here.
            let events = try await ask { try await self.newEvents() }
            guard isFirst || isNew || !events.isEmpty || pace.givesEveryLook else { continue }
            let update = JobUpdate(job: JobDetail(details), events: events)
            isOver = update.job.isSettled
            return update
        }
    }

    /// The job as it is, and whether that is another than at the last look.
    private func look() async throws -> (JobDetails, isNew: Bool) {
        guard let version = try await store.version(of: job) else { throw FlowControl.noJob(job) }
        if let known, known.version == version {
            let progress = try await store.progress(of: job)
            guard progress != known.details.progress else { return (known.details, false) }
            self.known?.details.progress = progress
            return (self.known?.details ?? known.details, true)
        }
        guard let details = try await store.job(job) else { throw FlowControl.noJob(job) }
        known = Known(version: version, details: details)
        return (details, true)
    }

    private func newEvents() async throws -> [JobEvent] {
        var (events, after): ([JobEvent], Int64) = ([], lastEvent)
        while let rows = Optional(try await store.events(job: job, after: after)), let last = rows.last {
            events += rows.map { JobEvent($0) }
            after = last.id
        }
        // Only now: who has to ask again asks for all of them.
        lastEvent = after
        return events
    }

    /// A server that restarts is waited for: the job goes on, so who follows it does.
    private func ask<Answer: Sendable>(_ question: @escaping @Sendable () async throws -> Answer) async throws -> Answer {
        let away = PostgreSQLError(
            .databaseAway, expected: "the control database to come back within \(pace.patience)", found: "no answer", at: "job \(job)",
            advice:
                "start the database, then `snappy-flow worker` or the next `snappy-flow run` goes on with the job; what rested here is thawed",
            retry: .transient)
        let end = ContinuousClock.now + pace.patience.duration
        while true {
            do {
                return try await withThrowingTaskGroup(of: Answer.self) { group in
                    group.addTask { try await question() }
                    group.addTask {
                        try await Task.sleep(until: end, clock: .continuous)
                        throw away
                    }
                    defer { group.cancelAll() }
                    guard let answer = try await group.next() else { throw CancellationError() }
                    return answer
                }
            } catch let error as PostgreSQLError where error.retry == .transient && ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }
}
