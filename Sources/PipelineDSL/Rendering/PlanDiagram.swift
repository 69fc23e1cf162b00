import Basics
import FlowModel

/// The plan as a graph in the languages of two drawing programs.
struct PlanDiagram {
    private let plan: Plan
    private let outline: PlanOutline
    private let numbers: [StepID: Int]

    init(_ plan: Plan) {
        self.plan = plan
        outline = PlanOutline(plan)
        numbers = Dictionary(plan.steps.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private func title(_ window: PlannedWindow) -> String { "\(window.id): frozen for \(window.maxHold) at most" }

    private func label(_ step: PlannedStep) -> String { (step.isCompensation ? "↺ " : "") + step.id.rawValue }

    var mermaid: String {
        var out = ["flowchart TD"]
        for (index, item) in outline.items.enumerated() {
            switch item {
            case .step(let step): out.append("    \(mermaidNode(step))")
            case .window(let window, let steps):
                out.append("    subgraph w\(index) [\"\(Self.mermaidText(title(window)))\"]")
                out += steps.map { "        \(mermaidNode($0))" }
                out.append("    end")
            }
        }
        for edge in edges {
            let arrow =
                switch edge.reason {
                case .guarded: "-.->"
                case .output: "-- output -->"
                case .order, .window: "-->"
                }
            out.append("    s\(edge.from) \(arrow) s\(edge.to)")
        }
        return out.joined(separator: "\n")
    }

    /// Compensations have round ends.
    private func mermaidNode(_ step: PlannedStep) -> String {
        let text = Self.mermaidText(label(step))
        return "s\(numbers[step.id] ?? 0)" + (step.isCompensation ? "([\"\(text)\"])" : "[\"\(text)\"]")
    }

    /// Mermaid reads `#name;` as an entity and ends a text at the quote.
    private static func mermaidText(_ text: String) -> String {
        text.map { $0 == "\"" ? "#quot;" : $0 == "#" ? "#35;" : String($0) }.joined()
    }

    var dot: String {
        var out = ["digraph \(Self.quoted(plan.pipeline)) {", "    rankdir=TB;", "    node [shape=box];"]
        for (index, item) in outline.items.enumerated() {
            switch item {
            case .step(let step): out.append("    \(dotNode(step))")
            case .window(let window, let steps):
                out += [
                    "    subgraph cluster_\(index) {", "        label=\(Self.quoted(title(window)));",
                    "        style=filled; color=lightblue;",
                ]
                out += steps.map { "        \(dotNode($0))" }
                out.append("    }")
            }
        }
        for edge in edges {
            let style =
                switch edge.reason {
                case .guarded: " [style=dashed]"
                case .output: " [label=output]"
                case .order, .window: ""
                }
            out.append("    s\(edge.from) -> s\(edge.to)\(style);")
        }
        return (out + ["}"]).joined(separator: "\n")
    }

    private func dotNode(_ step: PlannedStep) -> String {
        "s\(numbers[step.id] ?? 0) [label=\(Self.quoted(label(step)))\(step.isCompensation ? ", style=\"rounded,dashed\"" : "")];"
    }

    /// In a quoted DOT string only the quote is special, and a backslash before it or before an escape letter.
    private static func quoted(_ text: String) -> String {
        "\"" + text.map { $0 == "\"" ? "\\\"" : $0 == "\\" ? "\\\\" : String($0) }.joined() + "\""
    }

    private var edges: [(from: Int, to: Int, reason: Dependency.Reason)] {
        plan.steps.flatMap { step in
            outline.dependencies(of: step).compactMap { dependency in
                guard let from = numbers[dependency.step], let to = numbers[step.id] else { return nil }
                return (from, to, dependency.reason)
            }
        }
    }
}
