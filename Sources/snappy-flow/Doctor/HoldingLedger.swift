import Basics
import WorkflowEngine

/// What the control database says of what lies outside.
struct HoldingLedger {
    struct Undo: Hashable {
        var job: JobID
        /// The compensation.
        var step: StepID
    }

    let store: EngineStore
    let bases: [BaseRecord]
    /// Owed, and nobody does it.
    let late: Set<Undo>
}
