import Basics
public import FlowModel
import StepKit

/// Which of a repository's snapshots are those of the document that a command or a step belongs to. A pure value.
public struct OwnSnapshots: Sendable, Hashable {
    let pipelines: Set<String>
    /// What their copy steps store in the repository. Empty where they only read it: a drill, a second copy.
    let copied: Set<SnapshotOrigin>

    public init(of plans: [Plan], in repository: String) {
        pipelines = Set(plans.map(\.pipeline))
        var copied: Set<SnapshotOrigin> = []
        for plan in plans {
            for step in plan.steps where step.verb == "copy" {
                guard case .systems(let names) = step.subject, let target = step.settings[Copy.to.name].flatMap(OneOrMore.init(setting:)),
                    target.words.contains(repository)
                else { continue }
                for name in names {
                    copied.insert(
                        SnapshotOrigin(
                            pipeline: plan.pipeline, system: name, host: plan.systems[name]?.host ?? name, view: step.views?[name]))
                }
            }
        }
        self.copied = copied
    }

    /// Whether a snapshot that the filter admits is the document's. What the document does not say any more, a system's former name or host, counts
    /// where the filter names it.
    func contain(_ origin: SnapshotOrigin, _ filter: SnapshotFilter) -> Bool {
        guard let pipeline = origin.pipeline, pipelines.contains(pipeline) else { return false }
        let declared = copied.filter { $0.pipeline == pipeline }
        if declared.isEmpty || declared.contains(origin) { return true }
        // Of a document whose parameters are not given: whatever the host.
        if declared.contains(where: { $0.system == origin.system && $0.host.contains("${") }) { return true }
        let isDeclared = declared.contains { $0.system == origin.system }
        return isDeclared ? !filter.hosts.isEmpty : filter.system != nil
    }

    /// For an error: what `latest` means here.
    var words: String {
        copied.isEmpty
            ? " of one system"
            : " of " + copied.sorted().map { "system \($0.system ?? "") of pipeline \($0.pipeline ?? "")" }.joined(separator: " or ")
    }
}
