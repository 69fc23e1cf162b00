/// One token of an SQL script, as PostgreSQL's own programs write it.
enum ScriptToken: Sendable, Hashable {
    /// A keyword or an identifier without quotes, in lower case.
    case word(String)
    /// An identifier in quotes, without them.
    case name(String)
    /// A string's value, whichever way it was quoted.
    case text(String)
    /// Digits, with a decimal point or without.
    case number(String)
    case symbol(Character)
}

/// A whole statement, without its semicolon.
struct ScriptStatement: Sendable, Hashable {
    /// Where it begins, from 1.
    let line: Int
    let tokens: [ScriptToken]

    /// Its first words, for people: neither names, which may be anything, nor texts, which may be secret.
    var summary: String {
        let words = tokens.prefix(5).prefix {
            if case .word = $0 { true } else { false }
        }
        let text = words.map { if case .word(let word) = $0 { word.prefix(30).uppercased() } else { "" } }.joined(separator: " ")
        return text.isEmpty ? "a statement" : "\(text) ..."
    }
}

/// What a script is made of, on its highest level.
enum ScriptItem: Sendable, Hashable {
    case statement(ScriptStatement)
    /// A line that psql would obey, without its backslash: `connect orders`.
    case command(String, line: Int)
    /// A comment between statements, without its dashes.
    case comment(String, line: Int)

    var line: Int {
        switch self {
        case .statement(let statement): statement.line
        case .command(_, let line), .comment(_, let line): line
        }
    }
}

/// Why a script is not read on.
struct ScriptProblem: Error, Hashable {
    let line: Int
    let found: String
}
