import Foundation

/// What standard output is: a terminal gets colour and a live view, a pipe gets plain lines. `NO_COLOR` is honoured (no-color.org).
struct Terminal {
    static let standard = Terminal()

    let isInteractive: Bool
    let hasColour: Bool

    init() {
        let environment = ProcessInfo.processInfo.environment
        isInteractive = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        hasColour = isInteractive && (environment["NO_COLOR"] ?? "").isEmpty
    }

    /// Columns of the terminal; 100 where it does not say.
    var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
        return Int(size.ws_col)
    }

    enum Colour: String, CaseIterable {
        case red = "31", green = "32", yellow = "33", blue = "34", cyan = "36", grey = "90", bold = "1"
    }

    func paint(_ text: String, _ colour: Colour) -> String {
        hasColour ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Every sequence that colours something, of diagnostics too.
    static let sequences = (["0", "1;31", "1;32", "1;33"] + Colour.allCases.map(\.rawValue)).map { "\u{1B}[\($0)m" }

    /// A reader that went away (`run | head`) and a full disk below a log end no job.
    func write(_ text: String) { send(TerminalText.lines(text)) }

    /// What moves the cursor, around lines that are safe.
    func paintOver(_ text: String) { send(text) }

    private func send(_ text: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    }
}
