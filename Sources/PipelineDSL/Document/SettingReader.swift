import Basics
import Expressions
import FlowModel
import StepKit

/// Reads a node as a declared type. Values come out in their one spelling (`60s` as `1m`), so that equal documents give equal plans.
enum SettingReader {
    static func read(_ node: YAMLNode, as type: SettingType, label: String) -> Reading {
        if node.isTemplate, let text = node.json.stringValue { return template(text, node, as: type, label: label) }
        switch type {
        case .list(let element): return list(node, of: element, label: label)
        case .map(let element): return map(node, of: element, label: label)
        case .object(let schema): return object(node, schema, label: label)
        case .either(let types): return either(node, types, label: label)
        case .argv:
            var reading = list(node, of: .string, label: label)
            if node.elements?.isEmpty ?? false { reading.findings.append(wrong(node, type, label)) }
            return reading
        case .secret: return secret(node, label: label)
        default: return scalar(node, as: type, label: label)
        }
    }

    private static func scalar(_ node: YAMLNode, as type: SettingType, label: String) -> Reading {
        guard let json = ScalarForm.canonical(node.json, as: type) else { return Reading(wrong(node, type, label)) }
        var reading = Reading(json)
        switch (type, json) {
        case (.systemName(let capabilities), .string(let name)):
            reading.mentions.systems = [Mentions.Name(name: name, capabilities: capabilities, mark: node.mark)]
        case (.repositoryName, .string(let name)): reading.mentions.repositories = [Mentions.Name(name: name, mark: node.mark)]
        case (.stepName, .string(let name)): reading.mentions.steps = [Mentions.Name(name: name, mark: node.mark)]
        default: break
        }
        return reading
    }

    private static func secret(_ node: YAMLNode, label: String) -> Reading {
        guard let reference = SecretReference(json: node.json) else {
            let found = node.entries == nil && !node.isNothing ? "a plain value" : node.kind
            return Reading(
                Finding(
                    DiagnosticSink.plainSecret, "\(label) is a secret: only a reference to it may stand here",
                    expected: SettingType.secret.words,
                    found: found, hint: "write {fromFile: /run/secrets/NAME} or {fromEnv: NAME}", at: node.mark))
        }
        if case .environment(let name) = reference, name.isEmpty || name.contains("${") { return Reading(wrong(node, .secret, label)) }
        if case .file(let path) = reference, !path.hasPrefix("/") || path.contains("${") {
            return Reading(
                Finding(
                    "wrong-type", "\(label).fromFile must be an absolute path", expected: "an absolute path, written out",
                    found: "something that does not begin with /, not shown here: it may be the secret itself",
                    at: node.mark))
        }
        var reading = Reading(reference.json)
        reading.mentions.secrets = [reference]
        return reading
    }

    private static func list(_ node: YAMLNode, of element: SettingType, label: String) -> Reading {
        guard let elements = node.elements else { return Reading(wrong(node, .list(element), label)) }
        var reading = Reading()
        var values: [JSONValue] = []
        for (index, node) in elements.enumerated() {
            let one = read(node, as: element, label: "\(label)[\(index)]")
            values.append(one.json)
            reading.absorb(one)
        }
        reading.json = .array(values)
        return reading
    }

    private static func map(_ node: YAMLNode, of element: SettingType, label: String) -> Reading {
        guard let entries = node.entries else { return Reading(wrong(node, .map(element), label)) }
        var reading = Reading()
        var values: [String: JSONValue] = [:]
        for entry in entries {
            guard let key = entry.key.scalarText else {
                reading.findings.append(
                    Finding("wrong-type", "a key of \(label) must be a text", found: entry.key.kind, at: entry.key.mark))
                continue
            }
            let one = read(entry.value, as: element, label: "\(label).\(key)")
            values[key] = one.json
            reading.absorb(one)
        }
        reading.json = .object(values)
        return reading
    }

    /// A mapping with declared keys; defaults are written out.
    static func object(_ node: YAMLNode, _ schema: SettingsSchema, label: String) -> Reading {
        guard let entries = node.entries else { return Reading(wrong(node, .object(schema), label)) }
        var reading = Reading()
        var values: [String: JSONValue] = [:]
        for entry in entries {
            let key = entry.key.scalarText ?? entry.key.kind
            guard let field = schema[key] else {
                reading.findings.append(.unknownKey(key, in: label, schemas: [schema], at: entry.key.mark))
                continue
            }
            let one = read(entry.value, as: field.type, label: "\(label).\(key)")
            values[key] = one.json
            reading.absorb(one)
        }
        reading.findings += missing(schema, given: Set(entries.compactMap(\.key.scalarText)), label: label, at: node.mark)
        reading.json = .object(withDefaults(values, schema))
        return reading
    }

    static func missing(_ schema: SettingsSchema, given: Set<String>, label: String, at mark: SourceMark) -> [Finding] {
        schema.fields.filter { $0.isRequired && !given.contains($0.name) }.map { field in
            Finding(
                "missing-key", "\(label) needs `\(field.name)`", expected: "\(field.name): \(field.type.words)", found: "nothing",
                hint: field.summary, at: mark)
        }
    }

    static func withDefaults(_ values: [String: JSONValue], _ schema: SettingsSchema) -> [String: JSONValue] {
        var values = values
        for field in schema.fields where values[field.name] == nil {
            if let value = field.defaultValue { values[field.name] = value }
        }
        return values
    }

    /// The first type that fits; where none does, the complaints of the one whose shape was meant.
    private static func either(_ node: YAMLNode, _ types: [SettingType], label: String) -> Reading {
        let readings = types.map { read(node, as: $0, label: label) }
        if let good = readings.first(where: { $0.findings.isEmpty }) { return good }
        let meant = types.indices.filter { types[$0].hasShape(of: node) }
        if meant.count == 1, node.entries != nil || node.elements != nil { return readings[meant[0]] }
        return Reading(wrong(node, .either(types), label))
    }

    private static func template(_ text: String, _ node: YAMLNode, as type: SettingType, label: String) -> Reading {
        if let what = type.mustBeWrittenOut {
            return Reading(
                Finding(
                    "expression-not-allowed", "\(label) is \(what): it is written out, not computed", expected: type.words, found: text,
                    at: node.mark))
        }
        do {
            var reading = Reading(.string(text))
            let template = try ExpressionTemplate(parsing: text)
            reading.mentions.templates = [Mentions.Template(template: template, text: text, type: type, mark: node.mark)]
            return reading
        } catch {
            return Reading(
                Finding(
                    error.code, "\(label) is not an expression that can be read", expected: error.expected, found: error.found,
                    hint: error.advice,
                    at: node.mark))
        }
    }

    static func wrong(_ node: YAMLNode, _ type: SettingType, _ label: String) -> Finding {
        if let finding = misplacedSecret(node, label) { return finding }
        var hint = ""
        if type.takesText, case .scalar(_, isPlain: true) = node.content, !node.isNothing, node.json.stringValue == nil {
            hint = "put it in quotes to make it a text"
        } else if case .choice(let words) = type, let text = node.scalarText {
            hint = Finding.nearest(to: text, among: words)
        } else if let text = node.scalarText, text.allSatisfy(\.isNumber), !text.isEmpty, let unit = type.unitExample {
            hint = "write the unit: \(text)\(unit)"
        }
        return Finding("wrong-type", "\(label) has the wrong type", expected: type.words, found: node.kind, hint: hint, at: node.mark)
    }

    /// A reference to a secret where a plain value is read: what a thing is, where it is and what it is called must be known to everybody.
    private static func misplacedSecret(_ node: YAMLNode, _ label: String) -> Finding? {
        guard SecretReference(json: node.json) != nil else { return nil }
        return Finding(
            "secret-not-allowed", "\(label) may not be secret: it identifies or steers what is done", expected: "a plain value",
            found: "a reference to a secret", hint: "only passwords, keys and tokens are given by reference", at: node.mark)
    }
}
