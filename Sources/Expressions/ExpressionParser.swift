import Basics

/// Precedence climbing over the words of one expression.
struct ExpressionParser {
    private let tokens: [ExpressionToken]
    private let text: String
    private var position = 0
    private var depth = 0

    /// `text` is what stands between `${` and `}`.
    static func parse(_ text: String) throws(Explanation) -> Expression {
        var parser = ExpressionParser(tokens: try ExpressionScanner.tokens(text), text: text)
        let expression = try parser.expression(above: 0)
        guard parser.position == parser.tokens.count else { throw parser.unexpected("an operator or the end") }
        return expression
    }

    private init(tokens: [ExpressionToken], text: String) {
        self.tokens = tokens
        self.text = text
    }

    private mutating func expression(above precedence: Int) throws(Explanation) -> Expression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 40 else {
            throw Explanation(.expression, expected: "at most 40 levels of nesting", found: "more", at: "${\(text.prefix(60))}")
        }
        var left = try operand()
        while case .mark(let mark) = peek, let sign = ExpressionOperator(rawValue: mark), sign.precedence > precedence {
            position += 1
            left = .binary(sign, left, try expression(above: sign.precedence))
        }
        return left
    }

    private mutating func operand() throws(Explanation) -> Expression {
        switch peek {
        case .mark("!"):
            position += 1
            depth += 1
            defer { depth -= 1 }
            guard depth <= 40 else { throw unexpected("at most 40 levels of nesting") }
            return .not(try operand())
        case .mark("("):
            position += 1
            let inner = try expression(above: 0)
            try expect(")")
            return inner
        case .text(let value):
            position += 1
            return .literal(.string(value))
        case .number(let value):
            position += 1
            return .literal(value)
        case .name(let name):
            position += 1
            if peek == .mark("(") { return try call(name) }
            switch name {
            case "true": return .literal(.bool(true))
            case "false": return .literal(.bool(false))
            case "null": return .literal(.null)
            default: return try path(from: name)
            }
        default:
            throw unexpected("a name, a number, a quoted text, `!` or `(`")
        }
    }

    private mutating func path(from first: String) throws(Explanation) -> Expression {
        var parts = [first]
        while true {
            if peek == .mark(".") {
                position += 1
                guard case .name(let part) = peek else {
                    if case .number(let number) = peek {
                        position += 1
                        parts.append(number.canonicalText)
                        continue
                    }
                    throw unexpected("a name after the dot")
                }
                position += 1
                parts.append(part)
            } else if peek == .mark("[") {
                // steps['copy-vm[web1]'].outputs.x, list[0]
                position += 1
                switch peek {
                case .text(let part): parts.append(part)
                case .number(let number): parts.append(number.canonicalText)
                default: throw unexpected("a quoted text or a number in []")
                }
                position += 1
                try expect("]")
            } else {
                return .path(parts)
            }
        }
    }

    private mutating func call(_ name: String) throws(Explanation) -> Expression {
        guard let function = ExpressionFunction(rawValue: name) else {
            let names = ExpressionFunction.allCases.map(\.rawValue)
            throw Explanation(
                .unknownFunction, expected: "one of \(names.joined(separator: ", "))", found: name, at: "${\(text)}",
                advice: NearestName.of(name, among: names).map { "did you mean `\($0)`?" } ?? "")
        }
        position += 1
        var arguments: [Expression] = []
        if peek != .mark(")") {
            arguments.append(try expression(above: 0))
            while peek == .mark(",") {
                position += 1
                arguments.append(try expression(above: 0))
            }
        }
        try expect(")")
        guard function.argumentCounts.contains(arguments.count) else {
            throw Explanation(
                .expression, expected: "\(name) with \(function.signature)", found: arguments.count.counted("argument"), at: "${\(text)}")
        }
        return .call(function, arguments)
    }

    private var peek: ExpressionToken? { position < tokens.count ? tokens[position] : nil }

    private mutating func expect(_ mark: String) throws(Explanation) {
        guard peek == .mark(mark) else { throw unexpected("`\(mark)`") }
        position += 1
    }

    private func unexpected(_ expected: String) -> Explanation {
        let found =
            switch peek {
            case nil: "the end"
            case .name(let text), .text(let text), .mark(let text): text
            case .number(let value): value.canonicalText
            }
        return Explanation(.expression, expected: expected, found: found, at: "${\(text)}")
    }
}
