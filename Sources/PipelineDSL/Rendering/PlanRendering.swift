public import Basics
public import FlowModel
import Foundation

/// A plan for people and for programs.
public enum PlanRendering {
    /// A tree for a terminal: windows marked, undos shown where they run, and an `after` wherever a step does not simply follow the one above.
    public static func tree(_ plan: Plan, id: PlanID) -> String { PlanTree(plan).text(id: id) }

    /// A flow chart in Mermaid's words (mermaid.js.org, flowchart syntax).
    public static func mermaid(_ plan: Plan) -> String { PlanDiagram(plan).mermaid }

    /// A graph in the DOT language (graphviz.org, doc/info/lang.html).
    public static func dot(_ plan: Plan) -> String { PlanDiagram(plan).dot }

    /// `{"id": ..., "plan": ...}`, indented. The id is the SHA-256 of the plan's canonical bytes, which have no white space.
    public static func json(_ plan: Plan, id: PlanID) -> String {
        struct Document: Encodable {
            let id: PlanID
            let plan: Plan
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(Document(id: id, plan: plan)), as: UTF8.self)
        } catch {
            preconditionFailure("a plan is made of JSON values only: \(error)")
        }
    }
}
