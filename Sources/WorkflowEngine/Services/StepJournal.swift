import Basics
import StepKit
import Synchronization

/// Log lines and progress of all running steps, written together now and then.
final class StepJournal: Sendable {
    private struct Key: Hashable {
        var job: JobID
        var step: StepID
    }
    private struct State {
        var lines: [LogLine] = []
        var dropped = 0
        var progress: [Key: ProgressReport] = [:]
    }
    /// More lines than this wait for no database: the oldest are dropped, and it is said.
    private static let mostLines = 10_000

    private let state = Mutex(State())
    private let store: any RunStore

    init(store: any RunStore) { self.store = store }

    func add(_ line: LogLine) {
        state.withLock { state in
            if state.lines.count >= Self.mostLines {
                state.lines.removeFirst(Self.mostLines / 10)
                state.dropped += Self.mostLines / 10
            }
            state.lines.append(line)
        }
    }

    func add(_ report: ProgressReport) {
        state.withLock { $0.progress[Key(job: report.job, step: report.step)] = report }
    }

    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            await flush()
        }
    }

    /// Writes what has gathered. Lines that can't be written stay; progress is replaced by the next.
    func flush() async {
        var (lines, progress) = state.withLock { state in
            defer {
                state.lines = []
                state.progress = [:]
            }
            if state.dropped > 0, var line = state.lines.first {
                line.level = .warning
                line.message = "dropped while the database could not be reached: \(state.dropped.counted("earlier line"))"
                state.lines.insert(line, at: 0)
                state.dropped = 0
            }
            return (state.lines, Array(state.progress.values))
        }
        do {
            if !lines.isEmpty { try await store.appendLog(lines) }
            lines = []
            if !progress.isEmpty { try await store.saveProgress(progress) }
        } catch {
            let unwritten = lines
            state.withLock { $0.lines.insert(contentsOf: unwritten, at: 0) }
        }
    }
}
