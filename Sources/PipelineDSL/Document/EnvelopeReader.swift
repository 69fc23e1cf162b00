import Basics
import Expressions
import FlowModel
import StepKit

/// Tells the three envelopes apart by their own keys and takes them off.
struct EnvelopeReader {
    let source: SourceText
    var findings: [Finding] = []

    init(_ source: SourceText) { self.source = source }

    mutating func read(_ node: YAMLNode) -> Envelope? {
        guard node.entries != nil else {
            findings.append(
                Finding("wrong-type", "a document is a mapping", expected: "keys such as name and steps", found: node.kind, at: node.mark))
            return nil
        }
        if let version = node["apiVersion"] { return kubernetes(node, version) }
        if let schema = node["schema"] { return airship(node, schema) }
        return plain(node)
    }

    private mutating func kubernetes(_ node: YAMLNode, _ version: YAMLNode) -> Envelope? {
        if version.scalarText != Envelope.apiVersion {
            findings.append(
                Finding(
                    "wrong-version", "this is not a document that this program can read", expected: "apiVersion: \(Envelope.apiVersion)",
                    found: version.scalarText ?? version.kind, at: version.mark))
            return nil
        }
        requireKeys(node, ["apiVersion", "kind", "metadata", "spec"])
        guard let kindNode = node["kind"] else {
            return missing("kind", in: node)
        }
        guard let kind = DocumentKind(rawValue: kindNode.scalarText ?? "") else { return unknownKind(kindNode) }
        return wrapped(node, body: "spec", kind: kind, style: .kubernetes, metadataKeys: ["name", "labels", "annotations", "namespace"])
    }

    private mutating func airship(_ node: YAMLNode, _ schema: YAMLNode) -> Envelope? {
        guard let kind = DocumentKind.allCases.first(where: { schema.scalarText == Envelope.airshipSchema($0) }) else {
            let known = DocumentKind.allCases.map(Envelope.airshipSchema)
            findings.append(
                Finding(
                    "wrong-version", "this is not a document that this program can read", expected: known.joined(separator: ", "),
                    found: schema.scalarText ?? schema.kind, hint: Finding.nearest(to: schema.scalarText ?? "", among: known),
                    at: schema.mark))
            return nil
        }
        requireKeys(node, ["schema", "metadata", "data"])
        let layering = node["metadata"]?["layeringDefinition"]
        for (key, value) in [("substitutions", node["metadata"]?["substitutions"]), ("parentSelector", layering?["parentSelector"])] {
            guard let value else { continue }
            findings.append(
                Finding(
                    "layering", "`\(key)` must be resolved before the document comes here", expected: "a rendered document", found: key,
                    hint: "render the site's documents with Airship's own tools (pegleg, deckhand) first", at: value.mark))
        }
        return wrapped(
            node, body: "data", kind: kind, style: .airship,
            metadataKeys: [
                "schema", "name", "labels", "annotations", "layeringDefinition", "storagePolicy", "replacement", "substitutions",
            ])
    }

    private mutating func wrapped(
        _ node: YAMLNode, body: String, kind: DocumentKind, style: Envelope.Style, metadataKeys: [String]
    ) -> Envelope? {
        guard let metadata = node["metadata"] else { return missing("metadata", in: node) }
        guard metadata.entries != nil else { return wrongType(metadata, "metadata", "a mapping with name and labels") }
        requireKeys(metadata, metadataKeys, place: "metadata")
        guard let spec = node[body] else { return missing(body, in: node) }
        guard let entries = spec.entries else { return wrongType(spec, body, "a mapping") }
        let name = readName(metadata["name"], in: metadata)
        let labels = readLabels(metadata["labels"])
        guard let name else { return nil }
        return Envelope(style: style, kind: kind, name: name, labels: labels, spec: entries, mark: node.mark, source: source)
    }

    private mutating func plain(_ node: YAMLNode) -> Envelope? {
        var kind = DocumentKind.pipeline
        if let kindNode = node["kind"] {
            guard let declared = DocumentKind(rawValue: kindNode.scalarText ?? "") else { return unknownKind(kindNode) }
            kind = declared
        } else if node["steps"] == nil, node["type"] != nil {
            findings.append(
                Finding(
                    "missing-key", "a document without steps says what it is", expected: "kind: System or kind: Repository",
                    found: "no `kind`", at: node.mark))
            return nil
        }
        let name = readName(node["name"], in: node)
        let labels = readLabels(node["labels"])
        let spec = (node.entries ?? []).filter { !["kind", "name", "labels"].contains($0.key.scalarText) }
        guard let name else { return nil }
        return Envelope(style: .plain, kind: kind, name: name, labels: labels, spec: spec, mark: node.mark, source: source)
    }

    private mutating func readName(_ node: YAMLNode?, in parent: YAMLNode) -> String? {
        guard let node else {
            findings.append(Finding("missing-key", "a document needs a name", expected: "name: NAME", found: "nothing", at: parent.mark))
            return nil
        }
        guard let name = node.json.stringValue, DocumentName.isGood(name, dots: true) else {
            findings.append(DocumentName.wrong(node, "the document's name", dots: true))
            return nil
        }
        return name
    }

    private mutating func readLabels(_ node: YAMLNode?) -> [String: String] {
        guard let node else { return [:] }
        let reading = SettingReader.read(node, as: .map(.string), label: "labels")
        findings += reading.findings
        return (reading.json.objectValue ?? [:]).compactMapValues(\.stringValue)
    }

    private mutating func requireKeys(_ node: YAMLNode, _ known: [String], place: String = "the document's envelope") {
        for entry in node.entries ?? [] {
            let key = entry.key.scalarText ?? entry.key.kind
            if !known.contains(key) { findings.append(.unknownKey(key, in: place, known: known, at: entry.key.mark)) }
        }
    }

    private mutating func missing(_ key: String, in node: YAMLNode) -> Envelope? {
        findings.append(Finding("missing-key", "the document has no `\(key)`", expected: "\(key):", found: "nothing", at: node.mark))
        return nil
    }

    private mutating func wrongType(_ node: YAMLNode, _ label: String, _ expected: String) -> Envelope? {
        findings.append(Finding("wrong-type", "\(label) has the wrong type", expected: expected, found: node.kind, at: node.mark))
        return nil
    }

    private mutating func unknownKind(_ node: YAMLNode) -> Envelope? {
        let known = DocumentKind.allCases.map(\.rawValue)
        findings.append(
            Finding(
                "unknown-kind", "there is no document of this kind", expected: known.joined(separator: ", "),
                found: node.scalarText ?? node.kind,
                hint: Finding.nearest(to: node.scalarText ?? "", among: known), at: node.mark))
        return nil
    }
}
