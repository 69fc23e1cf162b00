import Basics
import StepKit
import Synchronization

/// Counts what a selection leaves out, and remembers the first few of each kind. Thread-safe.
final class LeftOut: Sendable {
    enum Reason: CaseIterable, Sendable {
        case pattern, marker, size

        /// With the number in front: `3 files larger than allowed`.
        func words(_ count: Int) -> String {
            switch self {
            case .pattern: count == 1 ? "entry that patterns exclude" : "entries that patterns exclude"
            case .marker: count == 1 ? "folder's content, which a marker excludes" : "folders' content, which markers exclude"
            case .size: count == 1 ? "file that is too large" : "files that are too large"
            }
        }
    }

    private struct Tally {
        var count = 0
        var first: [String] = []
    }
    private struct State {
        var tallies: [Reason: Tally] = [:]
        var notes: [String] = []
    }
    private let state = Mutex(State())

    /// So many of each kind are named.
    static let namedAtMost = 20

    func count(_ reason: Reason, _ what: @autoclosure () -> String) {
        state.withLock { state in
            var tally = state.tallies[reason] ?? Tally()
            tally.count += 1
            if tally.first.count < Self.namedAtMost { tally.first.append(what()) }
            state.tallies[reason] = tally
        }
    }

    /// Remembers what somebody should look at.
    func note(_ text: String) {
        state.withLock { if $0.notes.count < Self.namedAtMost { $0.notes.append(text) } }
    }

    func number(_ reason: Reason) -> Int { state.withLock { $0.tallies[reason]?.count ?? 0 } }

    /// One line a reason, and the notes.
    func log(to recorder: any StepRecorder) {
        let (tallies, notes) = state.withLock { ($0.tallies, $0.notes) }
        for reason in Reason.allCases {
            guard let tally = tallies[reason] else { continue }
            let more = tally.count > tally.first.count ? " and \(tally.count - tally.first.count) more" : ""
            recorder.log(.info, "left out \(tally.count) \(reason.words(tally.count)): \(tally.first.joined(separator: ", "))\(more)")
        }
        for note in notes { recorder.log(.warning, note) }
    }
}
