import FlowModel
import PostgreSQL

/// An explained error as the program prints it, and the exit status that it means.
struct ErrorReport {
    let error: any ExplainedError

    init(_ error: any ExplainedError) { self.error = error }

    var text: String {
        var lines = ["error: \(error.location)", "  expected: \(error.expected)", "  found:    \(error.found)"]
        if !error.advice.isEmpty { lines.append("  do:       \(error.advice)") }
        lines = lines.map(\.printable)
        switch error.retry {
        case .transient: lines.append("  retry:    may help")
        case .permanent: lines.append("  retry:    won't help until something is changed")
        case .lostRace: lines.append("  retry:    somebody else was first; look at what is there now")
        }
        return lines.joined(separator: "\n")
    }

    var status: ExitStatus {
        if error is PostgreSQLError { return .databaseUnavailable }
        return switch error.code {
        case "not-a-repository", "no-repository": .noRepository
        case "locked": .locked
        case "wrong-password": .wrongPassword
        case "damaged", "missing-pack", "verification": .damaged
        case "invalid-setting": .usage
        case "schema-too-new": .outdated
        default: .failed
        }
    }
}
