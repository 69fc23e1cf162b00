import Basics

/// A word of an expression.
enum ExpressionToken: Sendable, Hashable {
    case name(String)
    case text(String)
    case number(JSONValue)
    case mark(String)
}

/// Cuts the text between `${` and `}` into words. Names may hold dashes, since ids of steps do; `-` is no operator.
struct ExpressionScanner {
    private let characters: [Character]
    private var position = 0
    private let whole: String

    init(_ text: String) {
        characters = Array(text)
        whole = text
    }

    static func tokens(_ text: String) throws(Explanation) -> [ExpressionToken] {
        var scanner = ExpressionScanner(text)
        var tokens: [ExpressionToken] = []
        while let token = try scanner.next() {
            tokens.append(token)
            guard tokens.count <= 500 else {
                throw Explanation(.expression, expected: "at most 500 words", found: "more", at: String(text.prefix(60)))
            }
        }
        return tokens
    }

    private mutating func next() throws(Explanation) -> ExpressionToken? {
        while position < characters.count, characters[position].isWhitespace { position += 1 }
        guard position < characters.count else { return nil }
        let first = characters[position]
        if first.isLetter || first == "_" { return .name(take { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }) }
        if first.isNumber { return try number() }
        if first == "'" || first == "\"" { return try text(endingWith: first) }
        for mark in ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", ",", ".", "[", "]"] {
            let end = position + mark.count
            if end <= characters.count, String(characters[position..<end]) == mark {
                position = end
                return .mark(mark)
            }
        }
        throw Explanation(
            .expression, expected: "a name, a number, a quoted text or an operator", found: "\(first)", at: "${\(whole)}")
    }

    private mutating func take(while isPart: (Character) -> Bool) -> String {
        let start = position
        while position < characters.count, isPart(characters[position]) { position += 1 }
        return String(characters[start..<position])
    }

    private mutating func number() throws(Explanation) -> ExpressionToken {
        let text = take { $0.isNumber || $0 == "." }
        if let value = Int64(text) { return .number(.int(value)) }
        if let value = Double(text) { return .number(.double(value)) }
        throw Explanation(.expression, expected: "a number", found: text, at: "${\(whole)}")
    }

    private mutating func text(endingWith quote: Character) throws(Explanation) -> ExpressionToken {
        position += 1
        let text = take { $0 != quote }
        guard position < characters.count else {
            throw Explanation(.expression, expected: "a closing \(quote)", found: "the end", at: "${\(whole)}")
        }
        position += 1
        return .text(text)
    }
}
