public import Basics
import FlowModel

/// A setting's text with its `${...}` parts. `$${` stands for a literal `${`.
public struct ExpressionTemplate: Sendable, Hashable {
    enum Part: Sendable, Hashable {
        case text(String)
        case expression(Expression)
    }
    let parts: [Part]
    private let text: String

    /// Throws where a `${` is not closed, or what stands in it is no expression.
    public init(parsing text: String) throws(Explanation) {
        self.text = text
        var parts: [Part] = []
        var plain = ""
        var rest = Substring(text)
        while !rest.isEmpty {
            if rest.hasPrefix("$${") {
                plain += "${"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${") {
                rest = rest.dropFirst(2)
                guard let end = Self.end(of: rest) else {
                    throw Explanation(.expression, expected: "a closing }", found: "the end", at: text)
                }
                if !plain.isEmpty { parts.append(.text(plain)) }
                plain = ""
                parts.append(.expression(try ExpressionParser.parse(String(rest[..<end]))))
                rest = rest[end...].dropFirst()
            } else {
                plain.append(rest.removeFirst())
            }
        }
        if !plain.isEmpty { parts.append(.text(plain)) }
        self.parts = parts
    }

    /// The `}` that is in no quotes.
    private static func end(of rest: Substring) -> Substring.Index? {
        var quote: Character?
        for index in rest.indices {
            let character = rest[index]
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "'" || character == "\"" {
                quote = character
            } else if character == "}" {
                return index
            }
        }
        return nil
    }

    /// What it names. Throws for a path that can't name anything.
    public var references: [ExpressionReference] {
        get throws(Explanation) {
            var found: [ExpressionReference] = []
            for case .expression(let expression) in parts {
                for path in expression.paths { found.append(try ExpressionPath.reference(path)) }
            }
            return found
        }
    }

    /// A template that is one expression keeps the value's type; else the parts are joined to a text.
    func value(in scope: ExpressionScope) throws(Explanation) -> JSONValue {
        if parts.count == 1, case .expression(let expression) = parts[0] { return try expression.value(in: scope) }
        var out = ""
        for part in parts {
            switch part {
            case .text(let text): out += text
            case .expression(let expression): out += try expression.value(in: scope).expressionText
            }
        }
        return .string(out)
    }
}
