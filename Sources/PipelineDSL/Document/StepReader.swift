import Basics
import StepKit

/// Reads the elements of `steps:`.
struct StepReader {
    let catalog: Catalog
    var findings: [Finding] = []
    /// Apart: a step with nothing but these is read without a mistake.
    var warnings: [Finding] = []

    init(_ catalog: Catalog) { self.catalog = catalog }

    private var verbNames: [String] { catalog.verbs.map(\.declaration.name) }

    mutating func read(_ node: YAMLNode, label: String) -> [WrittenNode] {
        guard let elements = node.elements else {
            findings.append(
                Finding("wrong-type", "\(label) has the wrong type", expected: "a list of steps", found: node.kind, at: node.mark))
            return []
        }
        return elements.compactMap { readNode($0) }
    }

    private mutating func readNode(_ node: YAMLNode) -> WrittenNode? {
        guard let entries = node.entries, !entries.isEmpty else {
            findings.append(
                Finding(
                    "wrong-type", "a step is a mapping", expected: "a verb and what it acts on, as in `copy: home`", found: node.kind,
                    at: node.mark))
            return nil
        }
        if let parallel = node[DocumentKeys.parallel] { return readParallel(node, entries, parallel) }
        guard let verb = findVerb(node, entries), let value = node[verb.name] else { return nil }
        return .step(readStep(node, entries.filter { $0.key.scalarText != verb.name }, verb, value))
    }

    private mutating func readParallel(_ node: YAMLNode, _ entries: [YAMLEntry], _ parallel: YAMLNode) -> WrittenNode? {
        var after: [Mentions.Name]?
        for entry in entries {
            switch entry.key.scalarText {
            case DocumentKeys.parallel: break
            case "after": after = names(entry.value, label: "parallel: after")
            default:
                let key = entry.key.scalarText ?? entry.key.kind
                findings.append(.unknownKey(key, in: "`parallel`", known: ["after", DocumentKeys.parallel], at: entry.key.mark))
            }
        }
        let steps = read(parallel, label: "parallel")
        if steps.isEmpty, parallel.elements?.isEmpty ?? false {
            findings.append(
                Finding("wrong-type", "parallel holds no step", expected: "a list of steps", found: parallel.kind, at: parallel.mark))
        }
        return .parallel(steps, after: after, mark: node.mark)
    }

    /// The verb is the key that is no setting of another verb's (`verify` takes `restore:`).
    private mutating func findVerb(_ node: YAMLNode, _ entries: [YAMLEntry]) -> VerbDeclaration? {
        let found = entries.compactMap { entry in entry.key.scalarText.flatMap { catalog.verb($0)?.declaration } }
        let fitting = found.filter { verb in found.allSatisfy { $0.name == verb.name || verb.schema[$0.name] != nil } }
        if fitting.count == 1 { return fitting[0] }
        if found.isEmpty {
            let keys = entries.compactMap(\.key.scalarText)
            let settings = DocumentKeys.step.fields.map(\.name)
            let guess = keys.first { !settings.contains($0) } ?? ""
            findings.append(
                Finding(
                    "missing-verb", "a step needs a verb", expected: "one of \(verbNames.sorted().joined(separator: ", ")), parallel",
                    found: keys.joined(separator: ", "), hint: Finding.nearest(to: guess, among: verbNames + [DocumentKeys.parallel]),
                    at: entries.first?.key.mark ?? node.mark))
        } else {
            findings.append(
                Finding(
                    "two-verbs", "a step has one verb", expected: "one verb", found: found.map(\.name).joined(separator: ", "),
                    hint: "write two steps, each with a dash of its own", at: entries.last?.key.mark ?? node.mark))
        }
        return nil
    }

    /// A step with a mistake in it is returned all the same, so that the mistakes in what it names are found too.
    private mutating func readStep(_ node: YAMLNode, _ beside: [YAMLEntry], _ verb: VerbDeclaration, _ value: YAMLNode) -> WrittenStep {
        let before = findings.count
        let label = "step `\(verb.name)`"
        var step = WrittenStep(
            verb: verb, subject: .none, settings: [:], given: [], mentions: Mentions(), keys: StepKeys(), mark: node.mark)
        var inside: [YAMLEntry] = []
        switch verb.subject {
        case .none: inside = inlineSettings(value, verb, label)
        case .systems, .repository, .copyStepOrRepository: step.subject = .names(subjectNames(value, verb, label))
        case .repositorySnapshot: step.subject = .snapshot(snapshotText(value, label))
        }
        var given: Set<String> = []
        for (isInside, entry) in inside.map({ (true, $0) }) + beside.map({ (false, $0) }) {
            let key = entry.key.scalarText ?? entry.key.kind
            if !given.insert(key).inserted {
                findings.append(
                    Finding("duplicate-key", "`\(key)` is given twice", expected: "one `\(key)`", found: "two", at: entry.key.mark))
                continue
            }
            if isInside, verb.schema[key] == nil, key != "timeout", DocumentKeys.step[key] != nil {
                findings.append(
                    Finding(
                        "unknown-key", "`\(key)` is not a setting of `\(verb.name)`", expected: "`\(key)` beside `\(verb.name):`",
                        found: "inside of it", hint: "indent `\(key)` as much as `\(verb.name)`", at: entry.key.mark))
                continue
            }
            read(entry, key, verb, label, into: &step)
        }
        // What is misspelled above, or could not be read, is not missing too.
        let hints = findings[before...].prefix(DiagnosticSink.limit).map(\.complete.hint)
        let isUnread = inside.isEmpty && findings.count > before && verb.subject == .none
        findings += SettingReader.missing(verb.schema, given: given, label: label, at: node.mark).filter { missing in
            !isUnread
                && !hints.contains { hint in
                    verb.schema.fields.contains { missing.message.hasSuffix("`\($0.name)`") && hint.contains("`\($0.name)`") }
                }
        }
        step.settings = SettingReader.withDefaults(step.settings, verb.schema)
        if findings.count == before, let body = catalog.verb(verb.name) {
            for problem in body.problems(in: Settings(step.settings, origin: label)) {
                findings += Finding.of(problem, step.settings, inside + beside, label, at: node.mark)
            }
        }
        return step
    }

    private mutating func read(_ entry: YAMLEntry, _ key: String, _ verb: VerbDeclaration, _ label: String, into step: inout WrittenStep) {
        let own = verb.schema[key]
        var shared = DocumentKeys.step[key]
        if key == "instant", verb.windowRole == .instantWhenDeclared { shared = DocumentKeys.instant }
        if key == "maxHold", verb.windowRole == .opens, own == nil {
            shared = SettingField(name: key, summary: "the maximum time that the systems may stay frozen", type: .timeSpan)
        }
        guard let field = own ?? shared else {
            let more = verb.windowRole == .instantWhenDeclared ? ["instant"] : []
            findings.append(.unknownKey(key, in: label, schemas: [verb.schema, DocumentKeys.step], known: more, at: entry.key.mark))
            return
        }
        if let meanwhile = field.meanwhile { warnings.append(.idle(key, of: label, meanwhile: meanwhile, at: entry.key.mark)) }
        if key == "retry", verb.waitsFor != nil {
            warnings.append(
                Finding(
                    Finding.idle, "`retry` of \(label) does nothing: its answer is final, and so is the end of its `timeout`",
                    hint: "leave it out", isWarning: true, at: entry.key.mark))
        }
        step.places[key] = entry.value.mark
        let reading = SettingReader.read(entry.value, as: field.type, label: "\(label): \(key)")
        findings += reading.findings
        guard reading.findings.isEmpty else { return }
        if own != nil || key == "maxHold" {
            step.settings[key] = reading.json
            step.given.insert(key)
            step.mentions.merge(reading.mentions)
        }
        if shared != nil {
            var keys = StepKeysReader(step.keys)
            keys.read(key, entry.value, reading, label: label)
            step.keys = keys.keys
            if own == nil, key != "maxHold" { step.mentions.templates += reading.mentions.templates }
            findings += keys.findings
        }
    }

    /// What stands after the colon of a verb without a subject: its settings, or an argument list.
    private mutating func inlineSettings(_ value: YAMLNode, _ verb: VerbDeclaration, _ label: String) -> [YAMLEntry] {
        if let entries = value.entries { return entries }
        if value.isNothing { return [] }
        if value.elements != nil, verb.schema["argv"] != nil {
            let key = YAMLNode(content: .scalar("argv", isPlain: true), mark: value.mark, isFlow: false)
            return [YAMLEntry(key: key, value: value)]
        }
        let hint = verb.schema["argv"] == nil ? "" : "write \(verb.name): [PROGRAM, ARGUMENT, ...]; no shell takes part"
        findings.append(
            Finding(
                "wrong-type", "\(label) takes its settings as a mapping",
                expected: "a mapping with \(verb.schema.fields.map(\.name).joined(separator: ", "))",
                found: value.kind, hint: hint, at: value.mark))
        return []
    }

    private mutating func subjectNames(_ value: YAMLNode, _ verb: VerbDeclaration, _ label: String) -> [Mentions.Name] {
        var mayBeList = false
        if case .systems = verb.subject { mayBeList = true }
        if let elements = value.elements, mayBeList, !elements.isEmpty { return elements.compactMap { subjectName($0, label) } }
        return subjectName(value, label).map { [$0] } ?? []
    }

    private mutating func subjectName(_ node: YAMLNode, _ label: String) -> Mentions.Name? {
        guard let text = node.scalarText, !node.isNothing, !node.isTemplate else {
            let hint = node.isTemplate ? "name the systems, as in `copy: [a, b]`: what is acted on must be known before anything runs" : ""
            findings.append(
                Finding(
                    "wrong-type", "\(label) needs a name after the colon", expected: "a name", found: node.kind, hint: hint, at: node.mark))
            return nil
        }
        return Mentions.Name(name: text, mark: node.mark)
    }

    private mutating func snapshotText(_ value: YAMLNode, _ label: String) -> String {
        let text = value.scalarText ?? ""
        if !SnapshotText.isGood(text), !value.isTemplate {
            findings.append(
                Finding(
                    "wrong-snapshot", "\(label) needs a repository snapshot", expected: SnapshotText.words, found: value.kind,
                    at: value.mark))
        }
        return text
    }

    mutating func names(_ node: YAMLNode, label: String) -> [Mentions.Name] {
        let (names, found) = StepKeysReader.names(node, label: label)
        findings += found
        return names
    }
}
