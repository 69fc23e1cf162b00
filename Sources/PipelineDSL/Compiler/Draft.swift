import Basics
import FlowModel
import StepKit

/// A step on its way into the plan.
struct Draft {
    /// What it waits for by its place in the document.
    enum Order {
        /// The steps above, by index.
        case above([Int])
        case named([Mentions.Name])
    }

    var planned: PlannedStep
    let verb: VerbDeclaration
    /// Nil for what the compiler inserts.
    let written: WrittenStep?
    /// The id before `-to-REPOSITORY` was added: a name for all the copies of one written step.
    var group: String
    var order: Order
    let mark: SourceMark
    /// Index of another step and why it goes first; the strongest reason wins.
    var needs: [Int: Dependency.Reason] = [:]

    var id: StepID { planned.id }
    var isCompensation: Bool { planned.isCompensation }

    mutating func need(_ index: Int, _ reason: Dependency.Reason) {
        if let old = needs[index], old.strength >= reason.strength { return }
        needs[index] = reason
    }

    /// Whether it may stand in a window.
    var isQuick: Bool {
        switch verb.windowRole {
        case .opens, .snapshot: !isCompensation
        case .instantWhenDeclared: written?.keys.instant ?? false && planned.timeout != nil && planned.forEach == nil
        case .slow: false
        }
    }

    var isSnapshot: Bool { verb.windowRole == .snapshot && !isCompensation }
    var isQuiesce: Bool { verb.windowRole == .opens && !isCompensation }
    var subjectSystems: [String] { if case .systems(let names) = planned.subject { names } else { [] } }
}

extension Dependency.Reason {
    /// An output must be there; a window must be sealed; an order only waits.
    var strength: Int {
        switch self {
        case .output: 3
        case .window: 2
        case .order: 1
        case .guarded: 0
        }
    }
}
