public import InMemoryLogging
public import Logging

/// What is logged, kept for a test to look at. Everything is: no level is too low.
public struct LogCapture: Sendable {
    private let handler: InMemoryLogHandler
    public let logger: Logger

    public init() {
        var handler = InMemoryLogHandler()
        handler.logLevel = .trace
        self.handler = handler
        logger = Logger(label: "test", factory: { [handler] _ in handler })
    }

    public var entries: [InMemoryLogHandler.Entry] { handler.entries }

    /// `warning message: error key=value`, fields by their names.
    public var lines: [String] {
        entries.map { entry in
            let fields = entry.metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            return "\(entry.level) \(entry.message)" + (entry.error.map { ": \($0)" } ?? "") + fields
        }
    }

    public func contains(_ text: String) -> Bool { lines.contains { $0.contains(text) } }
}
