import Basics
import FlowControl
import FlowModel
import WorkflowEngine

/// The story of a job for a pipe or a log: one line an event, nothing painted over.
struct PlainView {
    let terminal: Terminal

    /// Nil for events that say nothing to a reader of the whole story.
    func line(for event: JobEvent, in job: JobDetail) -> String? {
        guard let text = text(for: event, in: job)?.printable else { return nil }
        return "\(event.at.instant.clock)  \(event.isAlarm ? terminal.paint(text, .red) : text)"
    }

    private func text(for entry: JobEvent, in job: JobDetail) -> String? {
        let step = entry.step?.rawValue ?? ""
        guard let kind = JournalEntry.Kind(rawValue: entry.kind) else { return "\(step): \(entry.kind)" }
        switch kind {
        case .jobStarted: return "job started"
        case .jobEnded: return nil
        case .jobCancelled: return "cancelling: running steps are told to stop, then everything acquired is undone"
        case .jobDeadlinePassed: return "the job's deadline has passed"
        case .jobRetried: return "the job goes on from what failed"
        case .stepReady, .armed, .stepExpanded: return nil
        case .stepStarted: return "\(step): started"
        case .stepSucceeded: return "\(step): done"
        case .stepFailed: return "\(step): failed: " + failure(of: entry, in: job)
        case .stepRetried: return "\(step): will be tried again: " + failure(of: entry, in: job)
        case .stepSkipped: return "\(step): \(JobRendering.words(for: entry.step.flatMap { job.step($0)?.skipped }))"
        case .stepCancelled: return "\(step): cancelled"
        case .stepLost: return "\(step): its worker is gone; another one takes it up"
        case .stepWaiting: return "\(step): waits for an answer (`snappy-flow jobs approve`)"
        case .undone: return "\(step): undone"
        case .undoFailed: return "\(step): the undo failed and is tried again: " + failure(of: entry, in: job)
        case .keptAsBase: return "\(step): kept as the base of the next increment"
        case .abandoned:
            return "\(step): GIVEN UP by \(entry.details["by"]?.stringValue ?? "somebody"): what it should have undone may still be there"
        case .signal: return "\(step): answered"
        case .windowOpened: return "the window is open: applications rest"
        case .windowSealed: return "the window's snapshots are done: applications go on"
        case .windowDiscarded: return "the window is void: what it made is undone"
        case .windowRestarted: return "the window starts again"
        case .windowBroken: return "the window is given up"
        case .maxHoldPassed: return "maxHold has passed: thawing at once"
        case .cleanupFailed:
            let owed = entry.details["held"]?.arrayValue?.compactMap(\.stringValue).joined(separator: ", ") ?? "something"
            return "CLEANUP FAILS: \(owed) is still owed; it is tried again without end"
        case .cleanupRecovered: return "the cleanup works again"
        case .setAside:
            return
                "SET ASIDE: \(entry.details["reason"]?.stringValue ?? "its rows can't be read"); nothing is done for it until it is mended"
        case .stalled:
            return "\(step.isEmpty ? "the job" : step): STANDS STILL: \(entry.details["reason"]?.stringValue ?? "nobody can take it")"
        case .left: return "\(step): left to other workers: \(entry.details["reason"]?.stringValue ?? "one can't do it")"
        case .takenUp: return "taken up again by \(entry.details["by"]?.stringValue ?? "somebody")"
        }
    }

    private func failure(of entry: JobEvent, in job: JobDetail) -> String {
        if let error = entry.step.flatMap({ job.step($0)?.error }) { return error.description }
        return entry.details["found"]?.stringValue ?? entry.details.canonicalText
    }
}
