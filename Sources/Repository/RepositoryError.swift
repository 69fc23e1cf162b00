public import Basics
import StorageKit

/// What a repository answers when it can't do what it was asked to: what is stored in it, not the way to it.
///
/// Errors of the store itself pass through as `StorageError`.
public struct RepositoryError: ExplainedError, Sendable, Hashable {
    public var explanation: Explanation

    public init(
        _ kind: ErrorKind, expected: String, found: String, at location: String, advice: String = "", retry: Retryability = .permanent
    ) {
        explanation = Explanation(kind, expected: expected, found: found, at: location, advice: advice, retry: retry)
    }

    static func damaged(
        _ location: String, expected: String, found: String,
        advice: String = "run a check that reads all data; restore what it names from another copy of the repository"
    ) -> RepositoryError {
        RepositoryError(.damaged, expected: expected, found: found, at: location, advice: advice)
    }
}

extension RepositoryError {
    /// What to do with a damaged pack: its whole blobs are saved, whatever else is wrong.
    static func advice(repairing pack: ObjectID) -> String {
        "run `snappy-flow repository repair packs \(pack)`, which saves what is whole in it"
    }

    static let adviceToRepairIndex = "run `snappy-flow repository repair index`; nothing that is whole is forgotten"

    /// For what is gone: nothing of ours brings it back.
    static let adviceOnLoss =
        "bring it back from another copy of the repository; a new backup stores again what the source still has; `snappy-flow repository repair snapshots --forget` gives up the rest by name"
}

extension ExplainedError {
    /// Whether the object itself is bad, rather than the way to it.
    var isDamage: Bool {
        switch self {
        case is RepositoryError: kind == .damaged
        case is StorageError: kind == .truncated
        default: [.notAuthentic, .badParameters].contains(kind)
        }
    }
}
