import FlowModel
import Basics

/// What a change can have consequences for. Rules are asked of those steps alone: in a job of a thousand members the end of one concerns few.
extension Turn {
    /// What changed since it was last asked, and everything whose rules look at that.
    mutating func affected() -> (steps: StepIndices, windows: StepIndices) {
        let changed = run.runs.changed
        let changedWindows = run.windowRuns.indices.filter { $0 >= seenWindows.count || run.windowRuns[$0] != seenWindows[$0] }
        run.runs.forgetChanges()
        seenWindows = run.windowRuns
        if run.isUnsettled {
            run.isUnsettled = false
            return (StepIndices(below: run.runs.count), StepIndices(run.windowRuns.indices))
        }
        var steps = changed
        var windows = StepIndices(changedWindows)
        var reaching = windows
        let wiring = run.wiring
        for index in changed {
            if !run.defects.contains(.overlookFollowers) { for follower in wiring.followers[index] { steps.insert(follower) } }
            if let undo = wiring.undo[index] { steps.insert(undo) }
            if let acquirer = wiring.acquirer[index] {
                steps.insert(acquirer)
                // Where it is undone is where what it guards may run.
                for case let guarded? in wiring.after[index] { steps.insert(guarded) }
                if let window = wiring.memberWindow[acquirer] { windows.insert(window) }
            }
            if let window = wiring.memberWindow[index] { windows.insert(window) }
            if let window = wiring.thawedWindow[index] { reaching.insert(window) }
            if let parent = wiring.parent[index], let group = wiring.fanOut[parent] {
                steps.insert(parent)
                // One that ended makes room for another.
                if run.definition.steps[parent].forEach?.maxParallel != nil { steps.formUnion(group) }
            }
            if let group = wiring.fanOut[index] { steps.formUnion(group) }
        }
        for window in windows where [.discarding, .broken].contains(run.windowRuns[window].phase) { reaching.insert(window) }
        for window in reaching { steps.formUnion(wiring.reach[window]) }
        windows.formUnion(reaching)
        return (steps, windows)
    }
}
