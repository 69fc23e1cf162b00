/// Reads a statement token by token.
struct StatementCursor {
    private let tokens: [ScriptToken]
    private var index = 0

    init(_ statement: ScriptStatement) { tokens = statement.tokens }

    var isAtEnd: Bool { index == tokens.count }

    /// True, and behind them, when the next tokens are these words (in lower case).
    mutating func accept(_ words: String...) -> Bool {
        guard tokens[index...].starts(with: words.map { .word($0) }) else { return false }
        index += words.count
        return true
    }

    mutating func accept(symbol: Character) -> Bool {
        guard index < tokens.count, tokens[index] == .symbol(symbol) else { return false }
        index += 1
        return true
    }

    /// An identifier, in quotes or not.
    mutating func name() -> String? {
        switch next {
        case .word(let text)?, .name(let text)?:
            index += 1
            return text
        default: return nil
        }
    }

    /// A keyword, or a name that needs no quotes.
    mutating func word() -> String? {
        guard case .word(let text)? = next else { return nil }
        index += 1
        return text
    }

    mutating func text() -> String? {
        guard case .text(let text)? = next else { return nil }
        index += 1
        return text
    }

    mutating func number() -> String? {
        let isNegative = next == .symbol("-") && index + 1 < tokens.count
        guard case .number(let digits) = isNegative ? tokens[index + 1] : next else { return nil }
        index += isNegative ? 2 : 1
        return isNegative ? "-" + digits : digits
    }

    /// The statement's value behind some names, whichever kind it is of.
    mutating func value() -> String? { text() ?? name() ?? number() }

    /// `one, or, several`
    mutating func list(_ element: (inout StatementCursor) -> String?) -> [String]? {
        var found: [String] = []
        repeat {
            guard let one = element(&self) else { return nil }
            found.append(one)
        } while accept(symbol: ",")
        return found
    }

    /// True, and behind it, when a word stands further on and none of `ends` in front of it.
    mutating func skip(behind word: String, before ends: Set<String>) -> Bool {
        for (place, token) in tokens[index...].enumerated() {
            guard case .word(let found) = token else { continue }
            if found == word {
                index += place + 1
                return true
            }
            if ends.contains(found) { return false }
        }
        return false
    }

    /// True when a word stands anywhere in the statement.
    func holds(_ word: String) -> Bool { tokens.contains(.word(word)) }

    private var next: ScriptToken? { index < tokens.count ? tokens[index] : nil }
}
