import FlowControl
import FlowModel
import Basics
import WorkflowEngine

/// Shows a job that is followed to its end: live on a terminal, line by line in a pipe.
struct JobWatch {
    let control: FlowControl
    let job: JobID
    /// How long a database that is away is waited for.
    var databaseWait = TimeSpan.seconds(60)
    /// Raised at the job's end by who runs it in this process; nil: the database is listened to.
    var end: WakeSignal?
    let terminal = Terminal()

    /// Returns the job as it ended, or as it was when nothing but a failing cleanup was left of it.
    func follow() async throws -> JobDetail {
        var view = LiveView(terminal)
        var lastChange = ContinuousClock.now
        var hasAsked = false
        var last: JobDetail?
        for try await update in control.follow(job, pace: pace) {
            if !update.events.isEmpty { (lastChange, hasAsked) = (.now, false) }
            if !hasAsked, ContinuousClock.now - lastChange > Self.patience, update.job.isLeftAlone {
                hasAsked = true
                try await explainSilence(update.job)
            }
            if terminal.isInteractive {
                view.paint(JobRendering(update.job, terminal).stepLines())
            } else {
                show(update.events, update.job)
            }
            last = update.job
        }
        guard let last else { throw CancellationError() }
        return last
    }

    /// Looking on must not make the work wait: that begins just now.
    private var pace: FollowPace {
        FollowPace(
            begin: .milliseconds(150), look: .milliseconds(terminal.isInteractive ? 150 : 1000), givesEveryLook: true,
            patience: databaseWait, end: end)
    }

    private static let patience = Duration.seconds(5)

    /// Steps are ready and nobody takes them: says what to look at.
    private func explainSilence(_ job: JobDetail) async throws {
        let ready = job.steps.filter(\.isReadyNow).map(\.id.rawValue).joined(separator: ", ")
        let isServed = try await control.hasLivingWorker()
        StandardError.write(
            isServed
                ? "note: no worker has taken \(ready) yet; a worker that leaves a step to others says why"
                : "note: \(ready) waits for a worker, and none is alive: start one with `snappy-flow worker`")
    }

    private func show(_ events: [JobEvent], _ job: JobDetail) {
        let plain = PlainView(terminal: terminal)
        for event in events {
            if let line = plain.line(for: event, in: job) { terminal.write(line + "\n") }
        }
    }

    /// Prints how it ended and what the reader has to know.
    func conclude(_ detail: JobDetail) {
        let rendering = JobRendering(detail, terminal)
        var lines = ["", "job \(job): \(rendering.headline())"]
        lines += rendering.details()
        if detail.cleanup == .abandoned {
            lines += ["", "What was given up may still be there, frozen or taken: nothing will undo it."]
        } else if detail.cleanup != .clean {
            lines += [
                "", "The cleanup goes on in any `snappy-flow worker`, or in the next `snappy-flow run`, of this user with this database.",
            ]
            if detail.cleanup == .failed {
                lines += ["What can't be undone any more is given up with `snappy-flow jobs abandon \(job.short)`."]
            }
        } else if detail.outcome == .failed || detail.outcome == .cancelled {
            lines += [
                "",
                "`snappy-flow jobs retry \(job.short)` goes on from what did not succeed, with the plan as it was; after a change of the document, `run` it anew.",
            ]
        }
        if !terminal.isInteractive { lines = rendering.stepLines() + lines }
        terminal.write(lines.joined(separator: "\n") + "\n")
    }
}

extension JobDetail {
    /// True while steps are ready and none runs or waits.
    fileprivate var isLeftAlone: Bool {
        steps.contains(where: \.isReadyNow) && !steps.contains { $0.state == .running || $0.state == .waiting }
    }
}

extension StepDetail {
    fileprivate var isReadyNow: Bool { state == .ready && notBefore == nil }
}

extension JobID {
    /// The end of the id: enough for people, and it differs between jobs of one second.
    var short: String { String(rawValue.suffix(12)) }
}
