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

    /// The snapshots in scope, those of one origin together, newest first within it.
    func groups(_ snapshots: [Snapshot]) -> [[Snapshot]] {
        let considered = snapshots.filter { snapshot in
            switch self {
            case .pipeline(let name): snapshot.tags.contains(SnapshotTag.pipeline(name))
            case .repository: true
            }
        }
        return Dictionary(grouping: considered, by: Self.origin).sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .map { $0.value.sorted { ($0.time, $0.id) > ($1.time, $1.id) } }
    }

    /// Pipeline and system by their tags: systems of one name in two pipelines are two. What others wrote, by host and paths.
    private static func origin(_ snapshot: Snapshot) -> [String] {
        guard let system = SnapshotTag.system(of: snapshot) else { return ["", snapshot.hostname] + snapshot.paths.sorted() }
        return [SnapshotTag.pipeline(of: snapshot) ?? "", system]
    }
}
