import FlowModel
import Repository
import StepKit

/// Which snapshots go. A pure value.
///
/// Snapshots are grouped by pipeline and system. While a group has a proved snapshot, only proved and whole ones fill the policy's counts; the
/// newest proved ones stay in any case, and so does what is newer and not known to be damaged: it may be proved yet, and holds the
/// latest data. Without a proved one nothing damaged goes either: it may be all there is.
struct PruneDecision: Sendable {
    var keep: [(snapshot: Snapshot, reason: String)]
    var remove: [Snapshot]

    init(keep: [(snapshot: Snapshot, reason: String)], remove: [Snapshot]) {
        self.keep = keep
        self.remove = remove
    }

    init(_ policy: RetentionPolicy, among snapshots: [Snapshot], scope: SnapshotScope, proofs: [Proof], minProved: Int) {
        self.init(keep: [], remove: [])
        let verdicts = Verdicts(proofs)
        for group in scope.groups(snapshots) { decide(policy, group, verdicts, minProved: minProved) }
    }

    /// `group`: newest first.
    private mutating func decide(_ policy: RetentionPolicy, _ group: [Snapshot], _ verdicts: Verdicts, minProved: Int) {
        let proved = group.filter { verdicts.proved.contains($0.id) }
        let countable = proved.isEmpty ? group.filter { !verdicts.damaged.contains($0.id) } : proved
        var reasons: [String: String] = [:]
        let plan = ForgetPlan(policy, among: countable)
        for decision in plan.groups.flatMap(\.decisions) where decision.keeps {
            reasons[decision.snapshot.id] = decision.reasons.joined(separator: ", ")
        }
        func protect(_ snapshot: Snapshot, _ reason: String) { reasons[snapshot.id] = reasons[snapshot.id] ?? reason }
        for snapshot in proved.prefix(minProved) { protect(snapshot, "newest proved") }
        for snapshot in group {
            if let newest = proved.first {
                if snapshot.time > newest.time, !verdicts.damaged.contains(snapshot.id) {
                    protect(snapshot, "newer than the newest proved")
                }
            } else if verdicts.damaged.contains(snapshot.id) {
                protect(snapshot, "damaged, but nothing better is proved")
            }
        }
        for snapshot in group {
            if let reason = reasons[snapshot.id] { keep.append((snapshot, reason)) } else { remove.append(snapshot) }
        }
    }

    /// What the proofs say of each snapshot.
    private struct Verdicts {
        var proved: Set<String> = []
        var damaged: Set<String> = []

        init(_ proofs: [Proof]) {
            for proof in proofs {
                if !proof.isGood {
                    damaged.insert(proof.snapshotID)
                } else if proof.details["partial"]?.boolValue != true {
                    proved.insert(proof.snapshotID)
                }
            }
            proved.subtract(damaged)
        }
    }
}
