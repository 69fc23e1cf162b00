import FlowModel
import Basics
import PostgreSQL
import StepKit
import WorkflowEngine

/// Follows a job in the database to its end and shows it: live on a terminal, line by line in a pipe.
struct JobWatch {
    let store: EngineStore
    let job: JobID
    /// How long a database that is away is waited for.
    var databaseWait = TimeSpan.seconds(60)
    /// Raised at the job's end by who runs it in this process; nil: the database is listened to.
    var end: WakeSignal?
    let terminal = Terminal()

    /// Returns the job as it ended, or as it was when nothing but a failing cleanup was left of it.
    func follow() async throws -> JobDetails {
        var view = LiveView(terminal)
        var lastEvent: Int64 = 0
        var lastChange = ContinuousClock.now
        var hasAsked = false
        let end = end ?? WakeSignal()
        let listening = self.end == nil ? Task { for await _ in store.endings(of: job) { end.raise() } } : nil
        defer { listening?.cancel() }
        // Looking on must not make the work wait: that begins just now.
        await end.wait(atMost: Self.firstPause)
        while true {
            let details = try await details()
            let events = try await events(details, after: lastEvent)
            lastEvent = events.last?.id ?? lastEvent
            if !events.isEmpty { (lastChange, hasAsked) = (.now, false) }
            if !hasAsked, ContinuousClock.now - lastChange > Self.patience, details.run.isLeftAlone {
                hasAsked = true
                try await explainSilence(details.run)
            }
            if terminal.isInteractive {
                let rendering = JobRendering(details, terminal)
                view.paint(rendering.stepLines())
            } else {
                show(events, details.run)
            }
            if details.run.isSettled {
                if terminal.isInteractive {
                    view.paint(JobRendering(details, terminal).stepLines())
                } else {
                    try await showRest(after: lastEvent, details)
                }
                return details
            }
            await end.wait(atMost: .milliseconds(terminal.isInteractive ? 150 : 1000))
            try Task.checkCancellation()
        }
    }

    private static let firstPause = Duration.milliseconds(150)
    private static let patience = Duration.seconds(5)

    /// Steps are ready and nobody takes them: says what to look at.
    private func explainSilence(_ run: JobRun) async throws {
        let ready = run.claimable(now: run.job.createdAt).map(\.rawValue).joined(separator: ", ")
        let isServed = try await store.workers().contains(where: \.isAlive)
        StandardError.write(
            isServed
                ? "note: no worker has taken \(ready) yet; a worker that leaves a step to others says why"
                : "note: \(ready) waits for a worker, and none is alive: start one with `snappy-flow worker`")
    }

    private func details() async throws -> JobDetails {
        guard let details = try await ask({ [store, job] in try await store.job(job) }) else {
            throw CommandFailure(.failed, "error: job \(job): expected the job in the database, found nothing; was its history pruned?")
        }
        return details
    }

    private func show(_ events: [EventRecord], _ run: JobRun) {
        let plain = PlainView(terminal: terminal)
        for event in events {
            if let line = plain.line(for: event, in: run) { terminal.write(line + "\n") }
        }
    }

    /// Events written between the last look at them and the end.
    private func showRest(after last: Int64, _ details: JobDetails) async throws {
        show(try await events(details, after: last), details.run)
    }

    private func events(_ details: JobDetails, after last: Int64) async throws -> [EventRecord] {
        try await ask { [store, job] in try await store.events(tenant: details.summary.tenant, job: job, after: last) }
    }

    /// A server that restarts is waited for: the job goes on, so who follows it does.
    private func ask<Answer: Sendable>(_ question: @escaping @Sendable () async throws -> Answer) async throws -> Answer {
        let away = PostgreSQLError(
            .databaseAway, expected: "the control database to come back within \(databaseWait)", found: "no answer", at: "job \(job)",
            advice:
                "start the database, then `snappy-flow worker` or the next `snappy-flow run` goes on with the job; what rested here is thawed",
            retry: .transient)
        let end = ContinuousClock.now + databaseWait.duration
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

    /// Prints how it ended and what the reader has to know.
    func conclude(_ details: JobDetails) {
        let rendering = JobRendering(details, terminal)
        var lines = ["", "job \(job): \(rendering.headline())"]
        lines += rendering.details()
        if details.run.job.cleanup == .abandoned {
            lines += ["", "What was given up may still be there, frozen or taken: nothing will undo it."]
        } else if details.run.job.cleanup != .clean {
            lines += [
                "", "The cleanup goes on in any `snappy-flow worker`, or in the next `snappy-flow run`, of this user with this database.",
            ]
            if details.run.job.cleanup == .failed {
                lines += ["What can't be undone any more is given up with `snappy-flow jobs abandon \(job.short)`."]
            }
        } else if details.run.job.outcome == .failed || details.run.job.outcome == .cancelled {
            lines += [
                "",
                "`snappy-flow jobs retry \(job.short)` goes on from what did not succeed, with the plan as it was; after a change of the document, `run` it anew.",
            ]
        }
        if !terminal.isInteractive { lines = rendering.stepLines() + lines }
        terminal.write(lines.joined(separator: "\n") + "\n")
    }
}

extension JobRun {
    /// True while steps are ready and none runs or waits.
    fileprivate var isLeftAlone: Bool {
        steps.contains { $0.state == .ready && $0.notBefore == nil } && !steps.contains { $0.state == .running || $0.state == .waiting }
    }

    /// True when it is over, or nothing is left but a cleanup that keeps failing.
    var isSettled: Bool { hasEnded || (job.outcome != nil && job.cleanup == .failed) }
}

extension JobID {
    /// The end of the id: enough for people, and it differs between jobs of one second.
    var short: String { String(rawValue.suffix(12)) }
}
