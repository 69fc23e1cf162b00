import Basics
import FlowModel

/// What one line says of a step.
struct StepSummary {
    let step: PlannedStep
    let plan: Plan

    init(_ step: PlannedStep, _ plan: Plan) {
        self.step = step
        self.plan = plan
    }

    /// Subject, the settings that tell most, and whatever is out of the ordinary.
    var text: String { ([what] + notes).filter { !$0.isEmpty }.joined(separator: "; ") }

    /// `files (directory) to vault, read all`
    private var what: String {
        ([subject, view] + Self.telling.compactMap(setting)).filter { !$0.isEmpty }.joined(separator: ", ")
    }

    private var subject: String {
        switch step.subject {
        case .none: ""
        case .systems(let names):
            names.map { name in plan.systems[name].map { "\(name) (\($0.type)\(Self.parts(of: $0)))" } ?? name }.joined(separator: ", ")
        case .repository(let name): plan.repositories[name].map { "\(name) (\($0.type))" } ?? name
        case .step(let id): "of \(id)"
        case .snapshot(let text): text
        }
    }

    /// `: definition as tree, vda as image`
    private static func parts(of system: PlannedSystem) -> String {
        guard let parts = system.parts, !parts.isEmpty else { return "" }
        return ": " + parts.sorted { $0.key < $1.key }.map { "\($0.key) as \($0.value.rawValue)" }.joined(separator: ", ")
    }

    /// What of its systems it reads, where that is declared or not the types' own.
    private var view: String {
        let views = step.settings["as"]?.stringValue.map { [$0] } ?? Set((step.views ?? [:]).values).sorted().map(\.rawValue)
        return views.isEmpty ? "" : "as \(views.joined(separator: " and "))"
    }

    /// In the order in which they are shown. Everything else is in the JSON.
    private static let telling = ["from", "to", "read", "restore", "keep", "scope", "argv", "method", "url", "by", "topic"]

    private func setting(_ name: String) -> String? {
        guard let value = step.settings[name], !value.isNull else { return nil }
        let text = Self.words(value)
        switch name {
        case "argv", "method", "url": return Self.cut(text)
        default: return text.isEmpty ? name : "\(name) \(Self.cut(text))"
        }
    }

    /// Lists and mappings as words; nested ones by their keys alone.
    private static func words(_ value: JSONValue) -> String {
        switch value {
        case .null: ""
        case .string(let text): text.split(whereSeparator: \.isNewline).joined(separator: " ")
        case .bool, .int, .double: value.canonicalText
        case .array(let elements): elements.map(words).joined(separator: " ")
        case .object(let members):
            members.sorted { $0.key < $1.key }
                .filter { ![.array([]), .object([:]), .null, .int(0), .bool(false)].contains($0.value) }
                .map { key, value in
                    value.objectValue != nil || value.arrayValue?.contains(where: { $0.objectValue != nil }) ?? false
                        ? key : "\(key) \(words(value))"
                }
                .joined(separator: ", ")
        }
    }

    private static func cut(_ text: String) -> String { text.count > 60 ? text.prefix(59) + "…" : text }

    private var notes: [String] {
        var notes: [String] = []
        if let when = step.when { notes.append("when \(Self.cut(when))") }
        if let fanOut = step.forEach {
            notes.append("for each of \(Self.cut(Self.words(fanOut.items)))" + (fanOut.maxParallel.map { ", \($0) at once" } ?? ""))
        }
        let read = Set(step.snapshots.values).sorted()
        if !read.isEmpty { notes.append("reads \(read.map(\.rawValue).joined(separator: ", "))") }
        if !step.isCompensation, step.retry.attempts != RetryPolicy().attempts {
            notes.append(step.retry.attempts.counted("attempt"))
        }
        if let timeout = step.timeout { notes.append("\(timeout) at most") }
        if step.continueOnError { notes.append("may fail") }
        if !step.runOn.isEmpty {
            notes.append("on " + step.runOn.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","))
        }
        let limits = step.holds.filter { $0.mode == .counted }.map { $0.resource.drop { $0 != "/" }.dropFirst() }
        if !limits.isEmpty { notes.append("counts for \(limits.joined(separator: ", "))") }
        return notes
    }
}
