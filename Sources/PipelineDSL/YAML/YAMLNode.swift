import Basics

/// A YAML value with its place.
struct YAMLNode: Sendable {
    enum Content: Sendable {
        /// Plain scalars are typed by the core schema; quoted and block ones are text.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        case mapping([YAMLEntry])
    }
    var content: Content
    var mark: SourceMark
    /// Written in `{}` or `[]`.
    var isFlow: Bool
}

struct YAMLEntry: Sendable {
    /// A scalar.
    var key: YAMLNode
    var value: YAMLNode
}

extension YAMLNode {
    /// The value by the core schema of YAML 1.2 (yaml.org/spec/1.2.2, 10.3.2): `null ~`, `true false`, decimal, `0o` and `0x` integers,
    /// floats; everything else is text. `yes`, `no`, `on` and `off` are text.
    var json: JSONValue {
        switch content {
        case .scalar(let text, let isPlain): isPlain ? Self.plain(text) : .string(text)
        case .sequence(let elements): .array(elements.map(\.json))
        case .mapping(let entries):
            .object(Dictionary(entries.map { ($0.key.text, $0.value.json) }, uniquingKeysWith: { first, _ in first }))
        }
    }

    /// A scalar's text as written; empty for the others.
    var text: String { if case .scalar(let text, _) = content { text } else { "" } }

    private static func plain(_ text: String) -> JSONValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: break
        }
        if text.hasPrefix("0o") { return whole(text, radix: 8) ?? .string(text) }
        if text.hasPrefix("0x") { return whole(text, radix: 16) ?? .string(text) }
        let unsigned = text.first == "-" || text.first == "+" ? text.dropFirst() : Substring(text)
        guard let first = unsigned.first, first.isASCII, first.isNumber || first == "." else { return .string(text) }
        if unsigned.allSatisfy({ $0.isASCII && $0.isNumber }), let value = Int64(text) { return .int(value) }
        guard unsigned.allSatisfy({ $0.isASCII && ($0.isNumber || ".eE+-".contains($0)) }), let value = Double(text), value.isFinite else {
            return .string(text)
        }
        return .double(value)
    }

    /// The digits after `0o` or `0x`. No sign stands there, which Int64 would take.
    private static func whole(_ text: String, radix: Int) -> JSONValue? {
        let digits = text.dropFirst(2)
        guard let first = digits.first, first.isHexDigit else { return nil }
        return Int64(digits, radix: radix).map { .int($0) }
    }
}
