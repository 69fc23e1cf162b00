import Basics
import StepKit

/// Reads the script of `pg_dumpall --globals-only` into values. Nothing of it is ever run: names and texts in it are whatever somebody on the
/// server that was copied chose. A statement that pg_dumpall does not write there, or writes elsewhere, is refused.
struct GlobalsScript {
    private var lexer: ScriptLexer
    private var globals = Globals()
    private var section = GlobalsSection.roles

    /// `origin`: where the script is, for errors.
    static func read(_ script: [UInt8], origin: String) throws(StepError) -> Globals {
        var reader = GlobalsScript(lexer: ScriptLexer(script))
        do { try reader.read() } catch { throw refusal(error, origin) }
        return reader.globals
    }

    private static func refusal(_ problem: ScriptProblem, _ origin: String) -> StepError {
        StepError(
            .globalsRefused, expected: "a script of roles and tablespaces as pg_dumpall --globals-only writes it", found: problem.found,
            at: "\(origin), line \(problem.line)",
            advice: "nothing of it was run: restore the script into a folder and look at it, make its roles by hand, and leave it out here "
                + "with `globals: none`")
    }

    private mutating func read() throws(ScriptProblem) {
        while let item = try lexer.next() {
            switch item {
            case .comment(let text, let line):
                if let heading = GlobalsSection(heading: text) { try enter(heading, line) }
            case .command(let text, let line):
                // Newer programs bracket their scripts so that psql obeys no other command in between.
                guard text.hasPrefix("restrict ") || text.hasPrefix("unrestrict ") else {
                    throw ScriptProblem(line: line, found: "a command for psql: \\\(text.prefix(30))")
                }
            case .statement(let statement):
                if obeys(statement) { continue }
                guard let parsed = GlobalsStatement(statement) else { throw ScriptProblem(line: statement.line, found: statement.summary) }
                try enter(parsed.section, statement.line)
                guard globals.add(parsed) else {
                    throw ScriptProblem(line: statement.line, found: "\(statement.summary) about something said twice, or not made before")
                }
            }
        }
    }

    private mutating func enter(_ next: GlobalsSection, _ line: Int) throws(ScriptProblem) {
        guard next >= section else {
            throw ScriptProblem(
                line: line, found: "a part of the script that is over: a name with a line end, or a script that was changed")
        }
        section = next
    }

    /// The script's own settings. Of those only the one about backslashes counts here, and that the script is UTF-8; who gave a privilege is
    /// not restored.
    private mutating func obeys(_ statement: ScriptStatement) -> Bool {
        var cursor = StatementCursor(statement)
        if cursor.accept("reset", "session", "authorization") { return cursor.isAtEnd }
        if cursor.accept("set", "session", "authorization") { return cursor.value() != nil && cursor.isAtEnd }
        guard cursor.accept("set"), let name = cursor.word(), cursor.accept(symbol: "=") || cursor.accept("to"), let value = cursor.value(),
            cursor.isAtEnd
        else { return false }
        switch name {
        case "client_encoding": return ["utf8", "utf-8"].contains(value.lowercased())
        case "standard_conforming_strings":
            lexer.standardConformingStrings = value == "on"
            return ["on", "off"].contains(value)
        case "default_transaction_read_only", "escape_string_warning": return true
        default: return false
        }
    }
}

/// pg_dumpall's parts, in its order. Old ones write names into comments as they are, where a line end would make statements of them: those
/// would stand in the wrong part.
enum GlobalsSection: Int, Comparable, Sendable {
    case roles, settings, memberships, parameters, tablespaces, settingsInDatabases

    static func < (left: GlobalsSection, right: GlobalsSection) -> Bool { left.rawValue < right.rawValue }

    init?(heading: String) {
        switch heading {
        case "Roles": self = .roles
        case "Role memberships": self = .memberships
        case "Role privileges on configuration parameters": self = .parameters
        case "Tablespaces": self = .tablespaces
        case "Per-Database Role Settings": self = .settingsInDatabases
        case _ where heading.hasPrefix("User Config"): self = .settings
        default: return nil
        }
    }
}
