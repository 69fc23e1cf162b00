import Basics
import FlowControl
import FlowModel
import Foundation
import StepKit
import WorkflowEngine

/// A job as text: a line a step, then what went wrong and what is still held.
struct JobRendering {
    let job: JobDetail
    let terminal: Terminal
    /// For durations of what is running.
    let now: Instant

    init(_ job: JobDetail, _ terminal: Terminal) {
        self.job = job
        self.terminal = terminal
        now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
    }

    /// One line a step, in the order of the plan.
    func stepLines() -> [String] {
        let width = job.steps.map(\.id.rawValue.count).max() ?? 0
        return job.steps.map { step in
            let mark = terminal.paint(Self.mark(step.state), Self.colour(step.state))
            let name = (step.isUndo ? "\u{21A9} " : "  ") + step.id.rawValue.padded(to: width)
            return "\(mark) \(name)  \(state(of: step))"
        }
    }

    private func state(of step: StepDetail) -> String {
        switch step.state {
        case .pending: terminal.paint("waits", .grey)
        case .ready: step.failures > 0 ? "retries soon (failed \(step.failures.counted("time")))" : terminal.paint("ready", .grey)
        case .waiting: "waits for an answer" + (step.deadline.map { " for \(($0.instant - now).rounded) more" } ?? "")
        case .running: ["runs", duration(of: step), progressText(step.progress)].filter { !$0.isEmpty }.joined(separator: "  ")
        case .succeeded: ["done", duration(of: step), summary(of: step)].filter { !$0.isEmpty }.joined(separator: "  ")
        case .failed: terminal.paint("FAILED", .red) + (step.attemptCount > 1 ? " after \(step.attemptCount.counted("attempt"))" : "")
        case .cancelled: terminal.paint("cancelled", .yellow)
        case .skipped: terminal.paint(Self.words(for: step.skipped), .grey)
        }
    }

    private func duration(of step: StepDetail) -> String {
        guard let started = step.startedAt else { return "" }
        return ((step.endedAt?.instant ?? now) - started.instant).rounded
    }

    private func progressText(_ progress: ProgressDetail?) -> String {
        guard let progress else { return "" }
        var parts: [String] = []
        if let total = progress.bytesTotal, total > 0 {
            parts.append(bar(Double(progress.bytesDone) / Double(total)))
            parts.append("\(ByteCount(bytes: progress.bytesDone).approximate) of \(ByteCount(bytes: total).approximate)")
        } else if progress.bytesDone > 0 {
            parts.append(ByteCount(bytes: progress.bytesDone).approximate)
        }
        if progress.itemsDone > 0 { parts.append(progress.itemsDone.counted("item")) }
        if !progress.current.isEmpty { parts.append(terminal.paint(progress.current.printable, .grey)) }
        return parts.joined(separator: "  ")
    }

    private func bar(_ fraction: Double) -> String {
        let width = 20
        let filled = Int((min(max(fraction, 0), 1) * Double(width)).rounded())
        let text = String(repeating: "\u{2588}", count: filled) + String(repeating: "\u{2591}", count: width - filled)
        return terminal.paint(text, .cyan) + " \(Int(min(max(fraction, 0), 1) * 100))%"
    }

    /// The outputs that people look for.
    private func summary(of step: StepDetail) -> String {
        var parts: [String] = []
        if let id = step.outputs["snapshotID"]?.stringValue { parts.append("snapshot \(id.prefix(8))") }
        if let added = step.outputs["dataAdded"]?.intValue { parts.append("\(ByteCount(bytes: added).approximate) added") }
        if let files = step.outputs["filesNew"]?.intValue, let changed = step.outputs["filesChanged"]?.intValue,
            let same = step.outputs["filesUnmodified"]?.intValue
        {
            parts.append("files: \(files) new, \(changed) changed, \(same) unmodified")
        }
        if let level = step.outputs["level"]?.stringValue { parts.append("proved: \(level)") }
        if !step.missed.isEmpty { parts.append(terminal.paint("\(step.missed.count) missed", .yellow)) }
        return parts.joined(separator: ", ")
    }

    /// Errors, misses and held resources, in full.
    func details() -> [String] {
        var lines: [String] = []
        for step in job.steps
        where step.error != nil && (step.state == .failed || step.armedAt != nil || step.skipped == .abandoned || isHalfWritten(step)) {
            if let error = step.error { lines += ["", terminal.paint("\(step.id):", .bold)] + Self.lines(of: error) }
        }
        for step in job.steps where !step.missed.isEmpty {
            lines += ["", terminal.paint("\(step.id) missed:", .bold)]
            lines += step.missed.prefix(20).map { "  \($0.printable)" }
            if step.missed.count > 20 { lines.append("  and \(step.missed.count - 20) more: `snappy-flow jobs show --output json`") }
        }
        if !job.held.isEmpty {
            lines += ["", terminal.paint("Still held:", .bold)]
            for held in job.held {
                lines.append("  \(held.undoes) is undone by \(held.step)\(held.host.map { " on host \($0)" } ?? "")")
            }
        }
        return lines
    }

    private func isHalfWritten(_ step: StepDetail) -> Bool {
        step.state == .cancelled && step.error?.kind == .halfWritten
    }

    static func lines(of failure: ErrorDetail) -> [String] {
        var lines = ["  \(failure.location)", "  expected: \(failure.expected)", "  found:    \(failure.found)"]
        if !failure.advice.isEmpty { lines.append("  do:       \(failure.advice)") }
        return lines.map(\.printable)
    }

    /// How it ended, or where it is.
    func headline() -> String {
        guard let outcome = job.outcome else { return job.stopping == nil ? "running" : "stopping" }
        let text =
            switch outcome {
            case .succeeded: terminal.paint("succeeded", .green)
            case .partial: terminal.paint("partial", .yellow)
            case .failed: terminal.paint("failed", .red)
            case .cancelled: terminal.paint("cancelled", .yellow)
            }
        return "\(text), cleanup \(job.cleanup.rawValue)"
    }

    static func mark(_ state: StepState) -> String {
        switch state {
        case .pending: "\u{00B7}"
        case .ready: "\u{25CB}"
        case .running: "\u{25B6}"
        case .waiting: "\u{23F8}"
        case .succeeded: "\u{2714}"
        case .failed: "\u{2718}"
        case .skipped: "\u{2013}"
        case .cancelled: "\u{2298}"
        }
    }

    static func colour(_ state: StepState) -> Terminal.Colour {
        switch state {
        case .succeeded: .green
        case .failed: .red
        case .running, .waiting: .cyan
        case .cancelled: .yellow
        case .pending, .ready, .skipped: .grey
        }
    }

    static func words(for reason: SkipReason?) -> String {
        switch reason {
        case .condition: "skipped: its condition is false"
        case .upstream, .upstreamTolerated: "skipped: what it needs did not succeed"
        case .neverArmed: "nothing to undo"
        case .keptAsBase: "kept as the base of the next increment"
        case .abandoned: "GIVEN UP: what it should have undone may still be there"
        case nil: "skipped"
        }
    }
}

extension TimeSpan {
    /// For people: milliseconds below ten seconds as tenths, then whole seconds.
    var rounded: String {
        if milliseconds < 10_000 { return "\(Double(max(milliseconds, 0) / 100) / 10)s" }
        return TimeSpan(milliseconds: milliseconds / 1000 * 1000).description
    }
}

extension JobDetail {
    /// The exit status that a finished, or given up, job means.
    var exitStatus: CommandStatus {
        if overview.cleanup != .clean { return .cleanupFailed }
        return switch overview.outcome {
        case .succeeded: .succeeded
        case .partial: .partial
        case .failed: steps.contains { $0.state == .failed && $0.error?.kind == .verification } ? .damaged : .failed
        case .cancelled: .cancelled
        case nil: .failed
        }
    }
}
