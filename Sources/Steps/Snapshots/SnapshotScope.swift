import Basics
import Repository
import StepKit

/// Whose repository snapshots a step looks at: the setting `scope` of verify and prune. A pure value.
enum SnapshotScope: Sendable, Hashable {
    case pipeline(String)
    case repository

    static func setting(_ summary: String) -> Setting<String> {
        Setting<String>("scope", summary, default: "pipeline", type: .choice(["pipeline", "repository"]))
    }

    init(_ text: String, pipeline: String) { self = text == "repository" ? .repository : .pipeline(pipeline) }

    /// The snapshots in scope, by origin.
    func histories(of snapshots: [Snapshot], now: Instant) -> [OriginHistory] {
        OriginHistory.all(of: snapshots, now: now).filter { history in
            switch self {
            case .pipeline(let name): history.origin.pipeline == name
            case .repository: true
            }
        }
    }
}
