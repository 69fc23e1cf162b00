import Foundation

enum StandardError {
    /// One line, whatever is in it. Where it can't be written nobody can be told: whoever speaks goes on.
    static func write(_ line: String) { send(TerminalText.line(line)) }

    /// Lines that are ours, with what is named in them.
    static func write(lines: String) { send(TerminalText.lines(lines)) }

    private static func send(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }
}
