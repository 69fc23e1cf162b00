import Basics
import PostgreSQL

/// An explained error as the program prints it.
struct ErrorReport {
    let error: any ExplainedError

    init(_ error: any ExplainedError) { self.error = error }

    var text: String {
        var lines = ["error: \(error.location)", "  expected: \(error.expected)", "  found:    \(error.found)"]
        if !error.advice.isEmpty { lines.append("  do:       \(error.advice)") }
        lines = lines.map(\.printable)
        switch error.retry {
        case .transient: lines.append("  retry:    may help" + (error.retryAfter.map { ", not before \($0)" } ?? ""))
        case .permanent: lines.append("  retry:    won't help until something is changed")
        case .lostRace: lines.append("  retry:    somebody else was first; look at what is there now")
        }
        return lines.joined(separator: "\n")
    }

    /// The control database alone is asked without something around it that says what for: whatever failed there, it can't be used.
    var status: CommandStatus { error is PostgreSQLError ? .databaseUnavailable : error.kind.statuses.exit }
}
