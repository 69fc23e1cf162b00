import Basics
import FlowModel
import StepKit

/// Reads one system or repository, inline or a document of its own.
struct DeclarationReader {
    let catalog: Catalog
    let source: SourceText
    var findings: [Finding] = []

    init(_ catalog: Catalog, _ source: SourceText) {
        self.catalog = catalog
        self.source = source
    }

    mutating func system(_ name: String, _ entries: [YAMLEntry], at mark: SourceMark) -> DeclaredSystem? {
        let label = "system \(name)"
        let before = findings.count
        guard
            let type = plugin(entries, label, known: catalog.systems.map(\.name), at: mark),
            let plugin = catalog.system(type)
        else { return nil }
        let (settings, common, mentions) = read(entries, DocumentKeys.system, plugin.schema, label, at: mark)
        guard findings.count == before else { return nil }
        for problem in plugin.problems(in: Settings(settings, origin: label)) {
            findings.append(contentsOf: Finding.of(problem, settings, entries, label, at: mark))
        }
        guard findings.count == before else { return nil }
        return DeclaredSystem(
            name: name, type: type, settings: settings, identity: common["identity"]?.stringValue,
            host: common["host"]?.stringValue ?? name, mentions: mentions, mark: mark, source: source)
    }

    mutating func repository(_ name: String, _ entries: [YAMLEntry], at mark: SourceMark) -> DeclaredRepository? {
        let label = "repository \(name)"
        let before = findings.count
        guard
            let type = plugin(entries, label, known: catalog.repositories.map(\.name), at: mark),
            let plugin = catalog.repository(type)
        else { return nil }
        let (settings, common, mentions) = read(entries, DocumentKeys.repository, plugin.schema, label, at: mark)
        guard findings.count == before, let password = common["password"].flatMap(SecretReference.init(json:)) else { return nil }
        let access = common.filter { StoreAccess.schema[$0.key] != nil }
        for problem in StoreAccess.problems(in: Settings(access, origin: label)) {
            findings.append(contentsOf: Finding.of(problem, access, entries, label, at: mark))
        }
        guard findings.count == before else { return nil }
        return DeclaredRepository(
            name: name, type: type, settings: settings, password: password, create: common["create"]?.boolValue ?? true,
            access: access.isEmpty ? nil : access, mirror: common["mirror"]?.stringValue, mentions: mentions, mark: mark, source: source)
    }

    private mutating func plugin(_ entries: [YAMLEntry], _ label: String, known: [String], at mark: SourceMark) -> String? {
        guard let node = entries.first(where: { $0.key.scalarText == "type" })?.value else {
            findings.append(
                Finding(
                    "missing-key", "\(label) needs `type`", expected: "type: one of \(known.sorted().joined(separator: ", "))",
                    found: "nothing",
                    at: mark))
            return nil
        }
        guard let type = node.scalarText, known.contains(type) else {
            findings.append(
                Finding(
                    "unknown-type", "\(label) has a type that this program does not know",
                    expected: "one of \(known.sorted().joined(separator: ", "))", found: node.scalarText ?? node.kind,
                    hint: Finding.nearest(to: node.scalarText ?? "", among: known),
                    at: node.mark))
            return nil
        }
        return type
    }

    /// A key may be both a plug-in's and everybody's (`host` of a database server): both get it.
    private mutating func read(
        _ entries: [YAMLEntry], _ everybody: SettingsSchema, _ plugin: SettingsSchema, _ label: String, at mark: SourceMark
    ) -> (settings: [String: JSONValue], common: [String: JSONValue], mentions: Mentions) {
        var settings: [String: JSONValue] = [:]
        var common: [String: JSONValue] = [:]
        var mentions = Mentions()
        for entry in entries {
            let key = entry.key.scalarText ?? entry.key.kind
            let fields = [plugin[key], everybody[key]]
            guard let field = fields.compactMap({ $0 }).first else {
                findings.append(.unknownKey(key, in: label, schemas: [plugin, everybody], at: entry.key.mark))
                continue
            }
            let reading = SettingReader.read(entry.value, as: field.type, label: "\(label): \(key)")
            findings += reading.findings
            mentions.merge(reading.mentions)
            if fields[0] == nil, ["create", "mirror"].contains(key), let template = reading.mentions.templates.first {
                findings.append(
                    Finding(
                        "expression-not-allowed", "\(label): `\(key)` is written out, not computed", expected: "a plain value",
                        found: template.text, at: template.mark))
            }
            if fields[0] != nil { settings[key] = reading.json }
            if fields[1] != nil { common[key] = reading.json }
        }
        let given = Set(entries.compactMap(\.key.scalarText))
        findings += SettingReader.missing(plugin, given: given, label: label, at: mark)
        findings += SettingReader.missing(everybody, given: given, label: label, at: mark)
        return (SettingReader.withDefaults(settings, plugin), common, mentions)
    }
}
