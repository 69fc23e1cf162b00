/// A run that is remembered, brought up to date with what others have written since.
extension JobRun {
    /// Takes over rows as they are now, and the job's own. `isByHand`: some were not written by a transition, so every rule is to be asked again.
    /// False, and nothing is taken, where there is a row of something that this run does not have.
    mutating func take(job: JobProgress, steps: [StepRun], windows: [WindowRun], isByHand: Bool) -> Bool {
        let places = steps.map { position[$0.id] }
        let windowPlaces = windows.map { window in windowRuns.firstIndex { $0.id == window.id } }
        guard !places.contains(nil), !windowPlaces.contains(nil) else { return false }
        self.job = job
        var membersChanged = false
        for case (let place?, let step) in zip(places, steps) {
            if runs[place].members != step.members { membersChanged = true }
            runs[place] = step
        }
        for case (let place?, let window) in zip(windowPlaces, windows) { windowRuns[place] = window }
        if membersChanged { rewire() }
        if isByHand { isUnsettled = true }
        return true
    }
}
