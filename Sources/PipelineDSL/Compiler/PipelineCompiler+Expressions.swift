import Expressions
import FlowModel
import Basics
import StepKit

/// The fields that `${job.…}` and `${pipeline.…}` reach.
public enum ExpressionFields {
    public static let job = ["id", "createdAt"]
    public static let pipeline = ["name", "labels"]
}

/// Every `${...}` of the steps: what it reaches must exist, and a step whose output is used goes first.
extension PipelineCompiler {
    mutating func checkExpressions() {
        for index in drafts.indices {
            guard let step = drafts[index].written else { continue }
            let isFirst = drafts[index].isFirstOfGroup(in: drafts, at: index)
            for mention in step.mentions.templates { check(mention, of: index, reports: isFirst) }
            checkSubject(step, of: index)
        }
    }

    /// A snapshot that is computed must be known when the job starts.
    private mutating func checkSubject(_ step: WrittenStep, of index: Int) {
        guard case .snapshot(let text) = step.subject, text.contains("${") else { return }
        let reading = SettingReader.read(
            YAMLNode(content: .scalar(text, isPlain: false), mark: step.mark, isFlow: false), as: .string, label: "step \(drafts[index].id)"
        )
        for finding in reading.findings { report(finding) }
        checkParameters(reading.mentions, "step \(drafts[index].id)", in: document.source)
    }

    private mutating func check(_ mention: Mentions.Template, of index: Int, reports: Bool) {
        let before = findings.count
        for reference in references(mention) {
            switch reference {
            case .parameter(let name):
                if let finding = parameterFinding(name, mention, "step \(drafts[index].id)") { report(finding) }
            case .job(let name):
                if let finding = fieldFinding("job", name, ExpressionFields.job, mention) { report(finding) }
            case .pipeline(let name):
                if let finding = fieldFinding("pipeline", name, ExpressionFields.pipeline, mention) { report(finding) }
            case .item: checkItem(mention, of: index)
            case .output(let step, let name): checkOutput(step, name, mention, of: index)
            }
        }
        if !reports { findings.removeSubrange(before...) }
    }

    /// What a text names; a path that can't name anything is reported.
    mutating func references(_ mention: Mentions.Template) -> [ExpressionReference] {
        do {
            return try mention.template.references
        } catch {
            report(
                Finding(
                    "wrong-reference", "an expression names something that does not exist", expected: error.expected, found: error.found,
                    hint: error.advice, at: mention.mark))
            return []
        }
    }

    private mutating func checkItem(_ mention: Mentions.Template, of index: Int) {
        let step = drafts[index].planned
        guard let fanOut = step.forEach else {
            return report(
                Finding(
                    "wrong-reference", "\(step.id) has no `forEach`: there is no item", expected: "`forEach:` beside the verb",
                    found: mention.text, at: mention.mark))
        }
        let isOverOutputs = fanOut.items.stringValue.map { text in
            (try? ExpressionTemplate(parsing: text).references)?.contains { if case .output = $0 { true } else { false } } ?? false
        }
        if mention.text == fanOut.items.stringValue || (isOverOutputs ?? false && mention.text == step.when) {
            report(
                Finding(
                    "wrong-reference", "the items are not known yet where this is evaluated",
                    expected: "parameters or outputs of steps above",
                    found: mention.text, at: mention.mark))
        }
    }

    private mutating func checkOutput(_ stepName: String, _ output: String, _ mention: Mentions.Template, of index: Int) {
        guard let source = drafts.firstIndex(where: { $0.id.rawValue == stepName }) else {
            let ids = drafts.map(\.id.rawValue)
            let meant = steps(called: stepName).map { drafts[$0].id.rawValue }
            let hint = meant.isEmpty ? Finding.nearest(to: stepName, among: ids) : "write the step's id: \(meant.joined(separator: ", "))"
            return report(
                Finding(
                    "wrong-reference", "no step is called \(stepName)", expected: "one of \(ids.joined(separator: ", "))", found: stepName,
                    hint: hint, at: mention.mark))
        }
        let draft = drafts[source]
        var outputs = Array((draft.isCompensation ? draft.verb.undoOutputs : draft.verb.outputs).keys)
        if draft.planned.forEach != nil { outputs = ["items"] }
        guard outputs.contains(output) else {
            return report(
                Finding(
                    "wrong-reference", "\(stepName) has no output \(output)",
                    expected: outputs.isEmpty ? "a step with outputs" : "one of \(outputs.sorted().joined(separator: ", "))", found: output,
                    hint: Finding.nearest(to: output, among: outputs), at: mention.mark))
        }
        drafts[index].need(source, .output)
        // `default(...)` says what stands in for a missing output.
        if !mention.text.contains("default(") { checkRuns(source, before: index, at: mention.mark) }
    }

    mutating func parameterFinding(_ name: String, _ mention: Mentions.Template, _ label: String) -> Finding? {
        usedParameters.insert(name)
        guard let parameter = document.parameters[name] else {
            let known = Array(document.parameters.keys)
            return Finding(
                "wrong-reference", "no parameter is called \(name)",
                expected: known.isEmpty ? "a name declared under `parameters:`" : "one of \(known.sorted().joined(separator: ", "))",
                found: name, hint: Finding.nearest(to: name, among: known), at: mention.mark)
        }
        guard mention.text == "${parameters.\(name)}", let value = parameter.defaultValue, !ScalarForm.fits(value, mention.type) else {
            return nil
        }
        return Finding(
            "wrong-type", "\(label): parameter \(name) has the wrong type for this", expected: mention.type.words,
            found: "\(parameter.type) \(value.canonicalText)", at: mention.mark)
    }

    func fieldFinding(_ place: String, _ name: String, _ known: [String], _ mention: Mentions.Template) -> Finding? {
        guard !known.contains(name) else { return nil }
        return Finding(
            "wrong-reference", "\(place) has no field \(name)", expected: "one of \(known.joined(separator: ", "))", found: name,
            hint: Finding.nearest(to: name, among: known), at: mention.mark)
    }
}
