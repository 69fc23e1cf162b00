import Basics
import WorkflowEngine

/// The picture of a running job on a terminal: painted over in place, one line a step.
struct LiveView {
    let terminal: Terminal
    private var painted = 0

    init(_ terminal: Terminal) { self.terminal = terminal }

    /// Paints the lines over those painted before. Longer ones are cut, so that none wraps and the count stays right.
    mutating func paint(_ lines: [String]) {
        var text = painted > 0 ? "\u{1B}[\(painted)A" : ""
        let width = terminal.width
        for line in lines { text += "\r\u{1B}[2K" + Self.cut(TerminalText.line(line), to: width) + "\n" }
        if painted > lines.count {
            text += String(repeating: "\r\u{1B}[2K\n", count: painted - lines.count) + "\u{1B}[\(painted - lines.count)A"
        }
        painted = lines.count
        terminal.paintOver(text)
    }

    /// At most `width` visible characters; escape sequences count nothing and the last one resets.
    static func cut(_ line: String, to width: Int) -> String {
        var visible = 0
        var text = ""
        var inEscape = false
        for character in line {
            if inEscape {
                text.append(character)
                if character.isLetter { inEscape = false }
                continue
            }
            if character == "\u{1B}" {
                inEscape = true
                text.append(character)
                continue
            }
            guard visible < width else { return text + "\u{1B}[0m" }
            visible += 1
            text.append(character)
        }
        return text
    }
}
