import FlowModel
import Basics
import StepKit

/// Which system snapshot a step reads: the last one of the system that is taken before it; without one, the live system.
extension PipelineCompiler {
    mutating func chooseSnapshots() {
        let graph = StepGraph(drafts)
        let takers = drafts.indices.filter { drafts[$0].isSnapshot }
        for index in drafts.indices where !drafts[index].isCompensation && drafts[index].verb.windowRole == .slow {
            let before = graph.ancestors(of: index)
            for system in drafts[index].subjectSystems {
                let all = takers.filter { drafts[$0].subjectSystems.contains(system) }
                let candidates = all.filter(before.contains)
                let last = candidates.filter { one in !candidates.contains { graph.ancestors(of: $0).contains(one) } }
                if last.count > 1 {
                    let ids = last.map { drafts[$0].id.rawValue }.joined(separator: ", ")
                    report(
                        Finding(
                            "ambiguous-snapshot", "\(drafts[index].id) could read several system snapshots of \(system)",
                            expected: "one that is taken last", found: ids, hint: "say by `after:` which one comes last",
                            at: drafts[index].mark))
                } else if let taker = last.first {
                    drafts[index].planned.snapshots[system] = drafts[taker].id
                    drafts[index].need(taker, .output)
                    checkRuns(taker, before: index, at: drafts[index].mark)
                } else if let taker = all.first {
                    report(
                        Finding(
                            "reads-live",
                            "\(drafts[index].id) reads \(system) live, not the system snapshot that \(drafts[taker].id) takes",
                            expected: "\(drafts[index].id) after \(drafts[taker].id)", found: "no such order",
                            hint: "write it below the snapshot, or name it in `after:`", isWarning: true, at: drafts[index].mark))
                }
            }
        }
    }
}
