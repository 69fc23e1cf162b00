import Basics

/// The pure functions of expressions.
enum ExpressionFunction: String, Sendable, Hashable, CaseIterable {
    case `default`, lower, upper, join, length, contains

    var argumentCounts: ClosedRange<Int> {
        switch self {
        case .lower, .upper, .length: 1...1
        case .default, .join, .contains: 2...2
        }
    }

    var signature: String {
        switch self {
        case .default: "(value, value when null)"
        case .lower, .upper: "(text)"
        case .join: "(list, separator)"
        case .length: "(text, list or mapping)"
        case .contains: "(text or list, part)"
        }
    }

    func apply(_ arguments: [JSONValue]) throws(Explanation) -> JSONValue {
        switch (self, arguments[0]) {
        case (.default, let value): return value.isNull ? arguments[1] : value
        case (.lower, .string(let text)): return .string(text.lowercased())
        case (.upper, .string(let text)): return .string(text.uppercased())
        case (.join, .array(let elements)):
            guard let separator = arguments[1].stringValue else { break }
            return .string(elements.map(\.expressionText).joined(separator: separator))
        case (.length, .string(let text)): return .int(Int64(text.count))
        case (.length, .array(let elements)): return .int(Int64(elements.count))
        case (.length, .object(let members)): return .int(Int64(members.count))
        case (.contains, .string(let text)):
            guard let part = arguments[1].stringValue else { break }
            return .bool(part.isEmpty || text.contains(part))
        case (.contains, .array(let elements)): return .bool(elements.contains(arguments[1]))
        default: break
        }
        throw Explanation(
            .expressionType, expected: "\(rawValue)\(signature)", found: arguments.map(\.canonicalText).joined(separator: ", "),
            at: "function \(rawValue)")
    }
}

extension JSONValue {
    /// As it is put into a text: strings bare, null empty, everything else as JSON.
    var expressionText: String {
        switch self {
        case .string(let text): text
        case .null: ""
        default: canonicalText
        }
    }
}
