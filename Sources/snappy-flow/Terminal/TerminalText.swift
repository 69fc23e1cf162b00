import Basics

/// The way of all text to a terminal or a log: nothing but what `Terminal.paint` made acts on it. What is missed where a text is made is caught here.
enum TerminalText {
    /// One line, whatever is in it.
    static func line(_ text: String) -> String { passed(text) { $0.printable } }

    /// Lines of ours, and what is named in them.
    static func lines(_ text: String) -> String { passed(text) { $0.printableLines } }

    /// Colours stay where there are some.
    private static func passed(_ text: String, _ shown: (String) -> String) -> String {
        guard Terminal.standard.hasColour, text.utf8.contains(0x1B) else { return shown(text) }
        var (result, rest) = ("", text[...])
        while let escape = rest.firstIndex(of: "\u{1B}") {
            result += shown(String(rest[..<escape]))
            let sequence = Terminal.sequences.first { rest[escape...].hasPrefix($0) } ?? ""
            result += sequence.isEmpty ? shown("\u{1B}") : sequence
            rest = rest[rest.index(escape, offsetBy: max(sequence.count, 1))...]
        }
        return result + shown(String(rest))
    }
}

/// Prints what a command came to. Every `print` of the program is this one.
func print(_ value: some CustomStringConvertible, terminator: String = "\n") {
    Swift.print(TerminalText.lines(value.description), terminator: terminator)
}
