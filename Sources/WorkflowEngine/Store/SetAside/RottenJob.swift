public import Basics
import PostgreSQL

/// A job whose rows can't be read as what this program writes, and why.
struct RottenJob: Sendable {
    var job: JobID
    var reason: String

    init(_ job: JobID, _ error: any Error) {
        self.job = job
        reason = String(Self.words(error).prefix(500))
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case let error as Explanation where error.isRotten: error.found
        case let error as DecodingError: words(error)
        case let error as any ExplainedError: "\(error.location): expected \(error.expected), found \(error.found)"
        default: "\(error)"
        }
    }

    private static func words(_ error: DecodingError) -> String {
        let context =
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context), .dataCorrupted(let context):
                context
            @unknown default: DecodingError.Context(codingPath: [], debugDescription: "\(error)")
            }
        let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        return (path.isEmpty ? "" : "\(path): ") + context.debugDescription
    }
}

extension Explanation {
    /// A job whose rows can't be read, or may not be believed.
    static func rotten(_ job: JobID, _ reason: String) -> Explanation {
        Explanation(
            .rottenJob, expected: "rows as this program writes them", found: reason, at: "job \(job)",
            advice: "mend the row, then `snappy-flow jobs resume \(job.rawValue)`; until then nothing is done for it (docs/database.md)")
    }

    public var isRotten: Bool { kind == .rottenJob }
}

extension PostgreSQLError {
    /// The statement failed for what is in the rows: values that are not what they should be, broken rules, too much of something.
    var isOfData: Bool { sqlState.map { state in ["22", "23", "54"].contains { state.rawValue.hasPrefix($0) } } ?? false }
}
