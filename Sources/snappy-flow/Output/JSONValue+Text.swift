import Basics

extension JSONValue {
    /// An object with more members; other values stay as they are.
    func merging(_ more: [String: JSONValue]) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members.merging(more) { _, new in new })
    }

    /// JSON for people and programs: two spaces a level, keys sorted.
    var prettyText: String { pretty(indent: "").printableJSON }

    private func pretty(indent: String) -> String {
        let inner = indent + "  "
        switch self {
        case .array(let elements) where !elements.isEmpty:
            return "[\n" + elements.map { inner + $0.pretty(indent: inner) }.joined(separator: ",\n") + "\n\(indent)]"
        case .object(let members) where !members.isEmpty:
            let lines = members.sorted { $0.key < $1.key }.map {
                inner + JSONValue.string($0.key).canonicalText + ": " + $0.value.pretty(indent: inner)
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
        default:
            return canonicalText
        }
    }

    /// YAML 1.2 in block style. Scalars are JSON scalars, which YAML 1.2 reads the same.
    var yamlText: String { yaml(indent: "").printableYAML }

    private func yaml(indent: String) -> String {
        switch self {
        case .array(let elements) where !elements.isEmpty:
            return elements.map { element in
                indent + "- " + element.yaml(indent: indent + "  ").drop(while: { $0 == " " })
            }.joined(separator: "\n")
        case .object(let members) where !members.isEmpty:
            return members.sorted { $0.key < $1.key }.map { key, value in
                let label = indent + JSONValue.string(key).canonicalText + ":"
                return value.isNested ? label + "\n" + value.yaml(indent: indent + "  ") : label + " " + value.canonicalText
            }.joined(separator: "\n")
        default:
            return indent + canonicalText
        }
    }

    private var isNested: Bool {
        switch self {
        case .array(let elements): !elements.isEmpty
        case .object(let members): !members.isEmpty
        default: false
        }
    }
}
