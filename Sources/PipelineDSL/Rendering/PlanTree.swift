import Basics
import FlowModel

/// The plan as indented lines.
struct PlanTree {
    private struct Line {
        var label: String
        var note: String
        var children: [Line] = []
    }

    private let plan: Plan
    private let outline: PlanOutline

    init(_ plan: Plan) {
        self.plan = plan
        outline = PlanOutline(plan)
    }

    func text(id: PlanID) -> String {
        let lines = self.lines
        let width = min(44, lines.map { Self.width($0) }.max() ?? 0)
        var out = ["\(plan.pipeline)  (plan \(id.rawValue.prefix(12)))"]
        if let parameters { out.append("│  parameters: \(parameters)") }
        Self.draw(lines, indent: "", width: width, into: &out)
        if plan.steps.contains(where: \.isCompensation) { out += ["", "↺ runs whatever happens: success, failure, cancel, a lost worker"] }
        return out.joined(separator: "\n")
    }

    private var parameters: String? {
        guard !plan.parameters.isEmpty else { return nil }
        return plan.parameters.sorted { $0.key < $1.key }
            .map { name, parameter in
                parameter.defaultValue.map { "\(name) = \($0.stringValue ?? $0.canonicalText)" }
                    ?? "\(name) (\(parameter.type), to be given)"
            }
            .joined(separator: ", ")
    }

    private var lines: [Line] {
        var lines: [Line] = []
        var previous: StepID?
        for item in outline.items {
            switch item {
            case .step(let step):
                if let owner = step.undoes, outline.dependencies(of: step).allSatisfy({ $0.step == owner }),
                    let index = lines.firstIndex(where: { $0.label == owner.rawValue })
                {
                    lines[index].children.append(Line(label: "↺ \(step.id)", note: "undoes \(owner) once it has ended"))
                } else {
                    lines.append(line(step, after: &previous))
                }
            case .window(let window, let steps):
                var group = Line(label: "❄ \(window.id)", note: "frozen for \(window.maxHold) at most")
                for step in steps { group.children.append(line(step, after: &previous)) }
                lines.append(group)
            }
        }
        return lines
    }

    private func line(_ step: PlannedStep, after previous: inout StepID?) -> Line {
        let dependencies = outline.dependencies(of: step).map(\.step)
        if let owner = step.undoes {
            let others = dependencies.filter { $0 != owner }.map(\.rawValue)
            let once = others.isEmpty ? "" : " once \(others.joined(separator: ", ")) \(others.count == 1 ? "has" : "have") ended"
            return Line(label: "↺ \(step.id)", note: "undoes \(owner)\(once)")
        }
        var notes = [StepSummary(step, plan).text]
        if let above = previous, dependencies != [above] {
            notes.append(dependencies.isEmpty ? "starts at once" : "after \(dependencies.map(\.rawValue).joined(separator: ", "))")
        }
        previous = step.id
        return Line(label: step.id.rawValue, note: notes.filter { !$0.isEmpty }.joined(separator: "; "))
    }

    private static let step = 3

    private static func width(_ line: Line) -> Int {
        max(line.label.count, (line.children.map { width($0) + step }).max() ?? 0)
    }

    private static func draw(_ lines: [Line], indent: String, width: Int, into out: inout [String]) {
        for (index, line) in lines.enumerated() {
            let isLast = index == lines.count - 1
            let space = String(repeating: " ", count: max(0, width - indent.count - line.label.count))
            out.append("\(indent)\(isLast ? "└─" : "├─") \(line.label)" + (line.note.isEmpty ? "" : "\(space)  \(line.note)"))
            draw(line.children, indent: indent + (isLast ? "   " : "│  "), width: width, into: &out)
        }
    }
}
