import Basics

/// What a reader of documents asks of a node.
extension YAMLNode {
    /// The text of a scalar, whatever it would mean to YAML.
    var scalarText: String? { if case .scalar(let text, _) = content { text } else { nil } }
    var elements: [YAMLNode]? { if case .sequence(let elements) = content { elements } else { nil } }
    var entries: [YAMLEntry]? { if case .mapping(let entries) = content { entries } else { nil } }
    /// An empty value or `null`.
    var isNothing: Bool { json.isNull }
    /// A string that holds `${`.
    var isTemplate: Bool { json.stringValue?.contains("${") ?? false }

    subscript(key: String) -> YAMLNode? { entries?.first { $0.key.scalarText == key }?.value }

    /// What it is, for "found" in a diagnostic.
    var kind: String {
        switch json {
        case .null: "nothing"
        case .bool(let value): "the truth value \(value)"
        case .int(let value): "the number \(value)"
        case .double(let value): "the number \(value)"
        case .string(let value): "the text \"\(value.count > 60 ? value.prefix(60) + "…" : value)\""
        case .array(let elements): elements.isEmpty ? "an empty list" : "a list"
        case .object: "a mapping"
        }
    }
}
