import Synchronization

/// What a store has asked of the database since it was opened: what its cost is counted by, whatever the machine's speed.
final class StoreCounts: Sendable {
    /// Jobs loaded, with all their steps or with those that changed.
    let loads = Atomic(0)
    /// Rows of steps in those.
    let stepsRead = Atomic(0)
    /// Statements that wrote transitions, whether they were accepted or not.
    let transitions = Atomic(0)
    /// Transitions that came too late: another process's came first.
    let lostRaces = Atomic(0)
}
