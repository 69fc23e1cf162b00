import Basics

/// One problem of a document: what is wrong, where, what was expected, what was found, and the nearest thing that would be right.
public struct Diagnostic: Sendable, Hashable, Codable {
    public enum Severity: String, Sendable, Hashable, Codable { case error, warning }

    public var severity: Severity
    /// A short stable word: `unknown-key`, `cycle`.
    public var code: String
    public var message: String
    public var expected: String
    public var found: String
    /// What to do, such as "did you mean `attempts`?".
    public var hint: String
    /// The document's name.
    public var source: String
    public var mark: SourceMark
    /// The line's text.
    public var line: String

    public init(
        severity: Severity, code: String, message: String, expected: String = "", found: String = "", hint: String = "", source: String,
        mark: SourceMark, line: String
    ) {
        self.severity = severity
        self.code = code
        self.message = message
        self.expected = expected
        self.found = found
        self.hint = hint
        self.source = source
        self.mark = mark
        self.line = line
    }
}

/// Collects every problem, so that all of them are shown at once.
struct DiagnosticSink: Sendable {
    private(set) var diagnostics: [Diagnostic] = []
    /// The first column of a secret that was written out, by source and line: from there on the line is shown to nobody.
    private var secrets: [String: [Int: Int]] = [:]
    /// More than that of one severity helps nobody. Counted apart: warnings must not displace an error.
    static let limit = 100
    private var counts: [Diagnostic.Severity: Int] = [:]

    /// Also of those that are not kept.
    var hasErrors: Bool { counts[.error] != nil }

    mutating func error(
        _ code: String, _ message: String, expected: String = "", found: String = "", hint: String = "", at mark: SourceMark,
        in source: SourceText
    ) {
        add(.error, code, message, expected: expected, found: found, hint: hint, at: mark, in: source)
    }

    mutating func warning(
        _ code: String, _ message: String, expected: String = "", found: String = "", hint: String = "", at mark: SourceMark,
        in source: SourceText
    ) {
        add(.warning, code, message, expected: expected, found: found, hint: hint, at: mark, in: source)
    }

    private mutating func add(
        _ severity: Diagnostic.Severity, _ code: String, _ message: String, expected: String, found: String, hint: String,
        at mark: SourceMark, in source: SourceText
    ) {
        if code == Self.plainSecret { hide(mark, in: source) }
        let count = counts[severity, default: 0] + 1
        counts[severity] = count
        guard count <= Self.limit else { return }
        diagnostics.append(
            Diagnostic(
                severity: severity, code: code, message: message, expected: expected, found: found, hint: hint, source: source.name,
                mark: mark, line: shown(source.line(mark.line), secrets[source.name]?[mark.line])))
    }

    /// True when more of them are only counted.
    func isFull(of severity: Diagnostic.Severity) -> Bool { counts[severity, default: 0] >= Self.limit }

    /// Says how many are not shown; nil when all are.
    var remainder: String? {
        let hidden = [Diagnostic.Severity.error, .warning].compactMap { severity -> String? in
            let more = counts[severity, default: 0] - Self.limit
            return more > 0 ? more.counted("more \(severity.rawValue)") : nil
        }
        return hidden.isEmpty ? nil : hidden.joined(separator: " and ") + " not shown"
    }

    static let plainSecret = "plain-secret"

    private mutating func hide(_ mark: SourceMark, in source: SourceText) {
        let column = min(mark.column, secrets[source.name]?[mark.line] ?? .max)
        secrets[source.name, default: [:]][mark.line] = column
        for index in diagnostics.indices where diagnostics[index].source == source.name && diagnostics[index].mark.line == mark.line {
            diagnostics[index].line = shown(diagnostics[index].line, column)
        }
    }

    private func shown(_ line: String, _ column: Int?) -> String {
        // What an address has before an `@` may be a password.
        let user = line.firstMatch(of: /:\/\/[^\s'"]*@/).map { line.distance(from: line.startIndex, to: $0.range.lowerBound) + 4 }
        guard let secret = [column, user].compactMap(\.self).min(), line.count >= secret else { return line }
        return line.prefix(secret - 1) + "…"
    }
}
