/// Splits a script into whole statements, as psql would: a line end, a semicolon or a backslash within quotes, dollar quotes or comments ends
/// nothing and means nothing (PostgreSQL manual 4.1).
struct ScriptLexer {
    private let bytes: [UInt8]
    private var index = 0
    private var line = 1
    /// False: a backslash in plain quotes is an escape. The script says so itself, at its start.
    var standardConformingStrings = true
    var encoding = ScriptEncoding.utf8

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next statement, command or comment; nil at the end. A statement that does not end is a problem.
    mutating func next() throws(ScriptProblem) -> ScriptItem? {
        var tokens: [ScriptToken] = []
        var start = 0
        while let byte = peek() {
            if Self.isSpace(byte) {
                advance()
            } else if byte == UInt8(ascii: "-"), peek(1) == byte {
                let at = line
                let comment = try restOfLine()
                // Within a statement it says nothing; between them it may be a heading.
                if tokens.isEmpty { return .comment(String(comment.drop { $0 == "-" }).trimmed, line: at) }
            } else if byte == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
                try skipBlockComment()
            } else if byte == UInt8(ascii: "\\") {
                let at = line
                guard tokens.isEmpty else { throw problem("a backslash within a statement") }
                advance()
                return .command(try restOfLine(), line: at)
            } else if byte == UInt8(ascii: ";") {
                advance()
                if !tokens.isEmpty { return .statement(ScriptStatement(line: start, tokens: tokens)) }
            } else {
                if tokens.isEmpty { start = line }
                tokens.append(try token(byte))
            }
        }
        guard tokens.isEmpty else { throw ScriptProblem(line: start, found: "a statement without an end") }
        return nil
    }

    // MARK: tokens

    private mutating func token(_ byte: UInt8) throws(ScriptProblem) -> ScriptToken {
        switch byte {
        case UInt8(ascii: "'"): return .text(try quoted(byte, escapes: !standardConformingStrings))
        case UInt8(ascii: "\""): return .name(try quoted(byte, escapes: false))
        case UInt8(ascii: "$"): return .text(try dollarQuoted())
        case _ where Self.isDigit(byte): return .number(try text(take { Self.isDigit($0) || $0 == UInt8(ascii: ".") }))
        case _ where Self.startsWord(byte): return try word()
        default:
            guard byte > 0x20, byte < 0x7F else { throw problem("a control character") }
            advance()
            return .symbol(Character(Unicode.Scalar(byte)))
        }
    }

    private mutating func word() throws(ScriptProblem) -> ScriptToken {
        let word = take { Self.startsWord($0) || Self.isDigit($0) || $0 == UInt8(ascii: "$") }
        if word.count == 1, peek() == UInt8(ascii: "'") {
            switch word.first {
            case UInt8(ascii: "E"), UInt8(ascii: "e"): return .text(try quoted(UInt8(ascii: "'"), escapes: true))
            case UInt8(ascii: "N"), UInt8(ascii: "n"): return .text(try quoted(UInt8(ascii: "'"), escapes: !standardConformingStrings))
            default: throw problem("a bit string")
            }
        }
        // Neither pg_dump nor pg_dumpall writes them; what they end with is another matter than for plain quotes.
        if word.count == 1, word.first.map({ $0 | 0x20 }) == UInt8(ascii: "u"), peek() == UInt8(ascii: "&"),
            peek(1) == UInt8(ascii: "'") || peek(1) == UInt8(ascii: "\"")
        {
            throw problem("a string or a name with U& in front of it")
        }
        return .word(try text(word.map { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") ? $0 | 0x20 : $0 }))
    }

    /// What is between quotes, doubled ones undone.
    private mutating func quoted(_ quote: UInt8, escapes: Bool) throws(ScriptProblem) -> String {
        let start = line
        var content: [UInt8] = []
        advance()
        while let byte = peek() {
            advance()
            if byte == quote {
                guard peek() == quote else { return try text(content) }
                advance()
                content.append(quote)
            } else if escapes, byte == UInt8(ascii: "\\") {
                content += try escaped()
            } else {
                content.append(byte)
            }
        }
        throw ScriptProblem(line: start, found: "quotes without an end")
    }

    /// What stands behind a backslash of an E-string (PostgreSQL manual 4.1.2.2).
    private mutating func escaped() throws(ScriptProblem) -> [UInt8] {
        guard let byte = peek() else { throw problem("quotes without an end") }
        advance()
        switch byte {
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            var digits = [byte]
            while digits.count < 3, let digit = peek(), digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "7") {
                digits.append(digit)
                advance()
            }
            return [UInt8(truncatingIfNeeded: try number(digits, radix: 8))]
        case UInt8(ascii: "x"): return [UInt8(truncatingIfNeeded: try number(hexadecimal(1...2), radix: 16))]
        case UInt8(ascii: "u"): return try character(hexadecimal(4...4))
        case UInt8(ascii: "U"): return try character(hexadecimal(8...8))
        default: return [byte]
        }
    }

    private mutating func hexadecimal(_ count: ClosedRange<Int>) throws(ScriptProblem) -> [UInt8] {
        var digits: [UInt8] = []
        while digits.count < count.upperBound, let digit = peek(), Character(Unicode.Scalar(digit)).isHexDigit {
            digits.append(digit)
            advance()
        }
        guard digits.count >= count.lowerBound else { throw problem("an escape that is none") }
        return digits
    }

    private func number(_ digits: [UInt8], radix: Int) throws(ScriptProblem) -> Int {
        guard let value = Int(String(decoding: digits, as: UTF8.self), radix: radix) else { throw problem("an escape that is none") }
        return value
    }

    private func character(_ digits: [UInt8]) throws(ScriptProblem) -> [UInt8] {
        guard let scalar = Unicode.Scalar(UInt32(truncatingIfNeeded: try number(digits, radix: 16))) else {
            throw problem("an escape that is no character")
        }
        return Array(String(scalar).utf8)
    }

    /// `$tag$ ... $tag$`
    private mutating func dollarQuoted() throws(ScriptProblem) -> String {
        let start = line
        advance()
        let tag = take { Self.startsWord($0) || Self.isDigit($0) }
        guard peek() == UInt8(ascii: "$"), !(tag.first.map(Self.isDigit) ?? false) else { throw problem("a parameter") }
        advance()
        let end = [UInt8(ascii: "$")] + tag + [UInt8(ascii: "$")]
        var content: [UInt8] = []
        while let byte = peek() {
            if byte == UInt8(ascii: "$"), bytes[index...].starts(with: end) {
                for _ in end { advance() }
                return try text(content)
            }
            content.append(byte)
            advance()
        }
        throw ScriptProblem(line: start, found: "quotes without an end")
    }

    /// They nest.
    private mutating func skipBlockComment() throws(ScriptProblem) {
        let start = line
        var depth = 0
        while let byte = peek() {
            if byte == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
                depth += 1
                advance()
            } else if byte == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
                depth -= 1
                advance()
            }
            advance()
            if depth == 0 { return }
        }
        throw ScriptProblem(line: start, found: "a comment without an end")
    }

    // MARK: bytes

    private func peek(_ offset: Int = 0) -> UInt8? { index + offset < bytes.count ? bytes[index + offset] : nil }

    private mutating func advance() {
        if bytes[index] == UInt8(ascii: "\n") { line += 1 }
        index += 1
    }

    private mutating func take(while condition: (UInt8) -> Bool) -> [UInt8] {
        var taken: [UInt8] = []
        while let byte = peek(), condition(byte) {
            taken.append(byte)
            advance()
        }
        return taken
    }

    private mutating func restOfLine() throws(ScriptProblem) -> String { try text(take { $0 != UInt8(ascii: "\n") }) }

    private func text(_ bytes: [UInt8]) throws(ScriptProblem) -> String {
        guard !bytes.contains(0), let text = encoding.text(bytes) else { throw problem("bytes that are no text in its encoding") }
        return text
    }

    private func problem(_ found: String) -> ScriptProblem { ScriptProblem(line: line, found: found) }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
    private static func startsWord(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || byte >= 0x80 || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
    }
}

extension String {
    fileprivate var trimmed: String {
        let start = drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
