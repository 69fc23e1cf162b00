public import Basics

/// Diagnostics for people and for programs.
public enum DiagnosticRendering {
    /// `file:line:column: error: message`, the line with a caret, then what was expected, what was found, and what to do.
    public static func text(_ diagnostics: [Diagnostic], colour: Bool = false) -> String {
        diagnostics.map { text($0, colour: colour) }.joined(separator: "\n\n")
    }

    private static func text(_ diagnostic: Diagnostic, colour: Bool) -> String {
        func paint(_ text: String, _ code: String) -> String { colour ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
        let severity = paint("\(diagnostic.severity.rawValue):", diagnostic.severity == .error ? "1;31" : "1;33")
        var lines = [
            "\(diagnostic.source):\(diagnostic.mark.line):\(diagnostic.mark.column): \(severity) \(diagnostic.message.safe(atMost: 400))"
        ]
        if !diagnostic.line.isEmpty {
            // Tabs stay tabs below, so that the caret stands under its character.
            let pad = diagnostic.line.prefix(diagnostic.mark.column - 1).map { $0 == "\t" ? "\t" : " " }.joined()
            lines += ["    \(diagnostic.line)", "    \(pad)\(paint("^", "1;32"))"]
        }
        if !diagnostic.expected.isEmpty { lines.append("  expected: \(diagnostic.expected.safe(atMost: 600))") }
        if !diagnostic.found.isEmpty { lines.append("  found:    \(diagnostic.found.safe(atMost: 600))") }
        if !diagnostic.hint.isEmpty { lines.append("  do:       \(diagnostic.hint.safe(atMost: 600))") }
        return lines.joined(separator: "\n")
    }

    public static func json(_ diagnostics: [Diagnostic]) -> JSONValue {
        .array(
            diagnostics.map { diagnostic in
                [
                    "severity": .string(diagnostic.severity.rawValue), "code": .string(diagnostic.code),
                    "message": .string(diagnostic.message),
                    "expected": .string(diagnostic.expected), "found": .string(diagnostic.found), "hint": .string(diagnostic.hint),
                    "source": .string(diagnostic.source), "line": .int(Int64(diagnostic.mark.line)),
                    "column": .int(Int64(diagnostic.mark.column)),
                ]
            })
    }
}
