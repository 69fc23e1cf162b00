import FlowModel
import Basics

/// A person asks to go on: what failed runs again, and every acquiring step whose resource is gone and which that needs, with its whole window.
extension Turn {
    mutating func retryJob(by person: String) -> Refusal? {
        guard run.hasEnded else { return hurryUndos() ? nil : .nothingToDo }
        var again = Set(run.runs.indices.filter { !step($0).isCompensation && mustRunAgain($0) })
        guard !again.isEmpty else { return .nothingToDo }
        var size = 0
        while size != again.count {
            size = again.count
            for index in run.runs.indices where !again.contains(index) && isNeeded(index, by: again) { again.insert(index) }
            for window in run.windowRuns.indices where members(ofWindow: window).contains(where: { again.contains($0) }) {
                again.formUnion(members(ofWindow: window))
            }
        }
        for index in again {
            let members = run.runs[index].members
            rewind(index)
            if let members {
                run.runs[index].members = members
                run.runs[index].state = .waiting
            }
            if let undo = compensation(of: index) { rewind(undo) }
        }
        for window in run.windowRuns.indices where members(ofWindow: window).contains(where: { again.contains($0) }) {
            run.windowRuns[window] = WindowRun(id: run.windowRuns[window].id)
        }
        run.job.deadline = run.job.deadline.map { now + ($0 - run.job.createdAt) }
        run.isUnsettled = true
        run.job.outcome = nil
        run.job.endedAt = nil
        run.job.stopping = nil
        run.job.stoppedBy = nil
        run.job.round += 1
        let ids = again.map { step($0).id.rawValue }.sorted().map { JSONValue.string($0) }
        record(.jobRetried, details: ["by": .string(person), "steps": .array(ids)])
        return nil
    }

    private func mustRunAgain(_ index: Int) -> Bool {
        switch run.runs[index].state {
        case .failed, .cancelled: true
        case .skipped: run.runs[index].skipped == .upstream || run.runs[index].skipped == .upstreamTolerated
        case .pending, .ready, .running, .waiting, .succeeded: false
        }
    }

    /// True for an acquiring step whose resource is gone and that a step which runs again needs.
    private func isNeeded(_ index: Int, by again: Set<Int>) -> Bool {
        guard let undo = compensation(of: index), run.runs[undo].armed == nil else { return false }
        let id = step(index).id
        let guarded = Set(step(undo).after.map(\.step))
        return again.contains { user in
            guarded.contains(step(user).id) || step(user).after.contains { $0.step == id && ($0.reason == .output || $0.reason == .window) }
        }
    }

    /// The job is not over because undos are owed: they are tried again at once.
    private mutating func hurryUndos() -> Bool {
        var found = false
        for index in run.runs.indices
        where step(index).isCompensation && run.runs[index].state == .ready && run.runs[index].notBefore != nil {
            run.runs[index].notBefore = nil
            found = true
        }
        return found
    }
}
