import FlowModel
import StepKit

/// Something of a step's that was found outside, and who showed it.
struct FoundHolding {
    /// A system of a document, opened.
    struct Place {
        var name: String
        var plan: Plan
        var system: any Inventorying
        var context: SystemContext
    }

    var holding: Holding
    /// Nil: this host.
    var place: Place?
}
