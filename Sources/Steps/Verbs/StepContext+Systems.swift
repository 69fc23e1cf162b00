import Basics
import FlowModel
import StepKit

extension StepContext {
    /// The systems that the step, or what it undoes, is about, in the order written.
    var subjectSystems: [String] {
        systems(undoneBy: step)
    }

    /// The systems that a step names, or what it undoes.
    func systems(undoneBy step: PlannedStep) -> [String] {
        for subject in [step.subject, step.undoes.flatMap(plan.step)?.subject] {
            if case .systems(let names)? = subject { return names }
        }
        return []
    }

    /// Names what the step makes of one of its systems: the step's own key while there is only one, else with the position behind it.
    func key(ofSystemAt index: Int) -> String { subjectSystems.count == 1 ? key : "\(key)-\(index)" }

    /// The settings of a declared system.
    func systemSettings(_ name: String) -> Settings { Settings(plan.systems[name]?.settings ?? [:], origin: "system \(name)") }
}

/// Does something for each of several, to the end; the first error is thrown then.
func forEachToTheEnd<Element>(_ elements: some Sequence<Element>, _ body: (Element) async throws -> Void) async throws {
    var first: (any Error)?
    for element in elements {
        do { try await body(element) } catch { first = first ?? error }
    }
    if let first { throw first }
}
