import Basics
public import Dispatch
public import Logging
import Synchronization
import Threads

/// Writes lines of the log on a thread of its own. Who speaks never waits, and nothing that is wrong with the log is wrong with him: where
/// nobody reads, what does not fit any more is dropped, and counted.
public final class LogOutput: Sendable {
    private let settings: LogSettings
    private let writer: any LogWriter
    private let state = Mutex(State())
    private let thread = BlockingPool(label: "log", width: 1)
    private let writing = DispatchGroup()

    private struct State {
        var waiting: [LogRecord] = []
        var dropped = 0
        var isWriting = false
    }

    /// So many wait for a reader.
    private static let most = 2048

    /// `environment`: that of the process, which says whether standard error is the journal's.
    public convenience init(_ settings: LogSettings, environment: [String: String]) {
        let errors = StandardErrorWriter(format: settings.format, isJournal: StandardErrorWriter.isJournal(environment))
        switch settings.place {
        case .standardError: self.init(settings, errors)
        case .syslog(let socket): self.init(settings, SyslogWriter(socket: socket, format: settings.format, otherwise: errors))
        }
    }

    init(_ settings: LogSettings, _ writer: any LogWriter) {
        self.settings = settings
        self.writer = writer
    }

    /// A handler for who is called `label`.
    public func handler(_ label: String) -> any LogHandler { RecordHandler(label, level: settings.level, self) }

    /// Never waits.
    func say(_ record: LogRecord) {
        let isFirst = state.withLock { state in
            guard state.waiting.count < Self.most else {
                state.dropped += 1
                return false
            }
            state.waiting.append(record)
            guard !state.isWriting else { return false }
            state.isWriting = true
            // Under the lock: who waits for an end must not come between.
            writing.enter()
            return true
        }
        if isFirst { thread.start { self.write() } }
    }

    private func write() {
        while let records = next() {
            for record in records { writer.write(record) }
        }
    }

    private func next() -> [LogRecord]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isWriting = false
                writing.leave()
                return nil
            }
            defer { (state.waiting, state.dropped) = ([], 0) }
            guard state.dropped > 0 else { return state.waiting }
            let last = state.waiting[state.waiting.count - 1]
            let lost = LogRecord(
                time: last.time, level: .warning, label: "log", message: "\(state.dropped) lines were dropped: nobody took them",
                fields: [:])
            return state.waiting + [lost]
        }
    }

    /// Blocks until all that was said is written, at most for `limit`: for a process that ends.
    public func flush(within limit: DispatchTimeInterval = .seconds(2)) { _ = writing.wait(timeout: .now() + limit) }
}

/// A way to where the log goes. Called by one thread at a time; may block it.
protocol LogWriter: Sendable {
    func write(_ record: LogRecord)
}
