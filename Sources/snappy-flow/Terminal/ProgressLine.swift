import Foundation

/// One line that is painted over, on a terminal only, a few times a second.
final class ProgressLine: @unchecked Sendable {  // guarded by the lock
    private let terminal: Terminal
    private let lock = NSLock()
    private var last = Date.distantPast

    init(terminal: Terminal) { self.terminal = terminal }

    /// `line` is made only when it is shown.
    func show(_ line: @autoclosure () -> String) {
        guard terminal.isInteractive else { return }
        lock.withLock {
            guard Date().timeIntervalSince(last) > 0.1 else { return }
            last = Date()
            terminal.paintOver("\r\u{1B}[2K" + LiveView.cut(TerminalText.line(line()), to: terminal.width - 1))
        }
    }

    func clear() {
        if terminal.isInteractive { terminal.paintOver("\r\u{1B}[2K") }
    }
}
