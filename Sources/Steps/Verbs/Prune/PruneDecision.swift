import Basics
import Repository
import StepKit

/// Which snapshots go. A pure value.
///
/// Snapshots are grouped by origin: pipeline, system and host. While a group has a proved snapshot, only proved and whole ones fill the policy's counts.
/// Whatever the policy: the newest proved ones stay, the newest of those that were proved most thoroughly too (what was restored is not given
/// up for what was listed), and everything newer than the newest proved, for it holds the latest data and may be proved yet. Without a
/// proved one nothing damaged goes: it may be all there is.
struct PruneDecision: Sendable {
    var keep: [(snapshot: Snapshot, reason: String)]
    var remove: [Snapshot]
    /// Those of `keep` that no clock that is right can have dated.
    var future: [Snapshot] = []

    init(keep: [(snapshot: Snapshot, reason: String)], remove: [Snapshot]) {
        self.keep = keep
        self.remove = remove
    }

    /// The same, but these stay too.
    func keeping(_ ids: Set<String>, because reason: String) -> PruneDecision {
        var decision = self
        decision.keep += remove.filter { ids.contains($0.id) }.map { ($0, reason) }
        decision.remove.removeAll { ids.contains($0.id) }
        return decision
    }

    /// `now` and `job`, whose own copies always stay: a clock that was wrong once must not make them look old.
    init(
        _ policy: RetentionPolicy, among snapshots: [Snapshot], scope: SnapshotScope, proofs: [Proof], minProved: Int, now: Instant,
        job: JobID
    ) {
        self.init(keep: [], remove: [])
        let verdicts = Verdicts(proofs)
        for history in scope.histories(of: snapshots, now: now) {
            future += history.future
            decide(policy, history.past, verdicts, minProved: minProved, own: SnapshotTag.job(job))
        }
        for snapshot in future { keep.append((snapshot, "dated in the future: it counts for nothing")) }
    }

    /// `group`: newest first, without those of the future.
    private mutating func decide(
        _ policy: RetentionPolicy, _ group: [Snapshot], _ verdicts: Verdicts, minProved: Int, own: String
    ) {
        let proved = group.filter { verdicts.proved[$0.id] != nil && SnapshotTag.isWhole($0) }
        let whole = group.filter { !verdicts.damaged.contains($0.id) && SnapshotTag.isWhole($0) }
        let countable = !proved.isEmpty ? proved : !whole.isEmpty ? whole : group.filter { !verdicts.damaged.contains($0.id) }
        var reasons: [String: String] = [:]
        let plan = ForgetPlan(policy, among: countable)
        for decision in plan.groups.flatMap(\.decisions) where decision.keeps {
            reasons[decision.snapshot.id] = decision.reasons.joined(separator: ", ")
        }
        func protect(_ snapshot: Snapshot, _ reason: String) { reasons[snapshot.id] = reasons[snapshot.id] ?? reason }
        for snapshot in proved.prefix(minProved) { protect(snapshot, "newest proved") }
        if let best = proved.compactMap({ verdicts.proved[$0.id] }).max(),
            let thorough = proved.first(where: { verdicts.proved[$0.id] == best })
        {
            protect(thorough, "newest proved by \(best.rawValue)")
        }
        if let latest = proved.max(by: { verdicts.order[$0.id] ?? 0 < verdicts.order[$1.id] ?? 0 }) { protect(latest, "proved last") }
        if let made = group.first(where: { $0.tags.contains(own) }) { protect(made, "made by this job") }
        for snapshot in group {
            if let newest = proved.first ?? whole.first, snapshot.time > newest.time {
                protect(snapshot, "newer than the newest \(proved.isEmpty ? "whole" : "proved")")
            } else if proved.isEmpty, verdicts.damaged.contains(snapshot.id) {
                protect(snapshot, "damaged, but nothing better is proved")
            }
        }
        for snapshot in group {
            if let reason = reasons[snapshot.id] { keep.append((snapshot, reason)) } else { remove.append(snapshot) }
        }
    }

    /// What the proofs, the oldest first, say of each snapshot in the end: what was damaged once (a disk that was away, say) and was read
    /// whole later is good.
    private struct Verdicts {
        var proved: [String: Proof.Level] = [:]
        var damaged: Set<String> = []
        /// When it was proved last: by the order of the records, whatever the clocks said.
        var order: [String: Int] = [:]

        init(_ proofs: [Proof]) {
            var doubts: [String: Proof.Level] = [:]
            for (index, proof) in proofs.enumerated() {
                if proof.isGood { order[proof.snapshotID] = index }
                let id = proof.snapshotID
                guard proof.isGood else {
                    proved[id] = nil
                    doubts[id] = max(doubts[id] ?? .metadata, proof.level)
                    continue
                }
                if let doubt = doubts[id] {
                    // Another sample may have missed what the first one found.
                    guard proof.level >= (doubt == .sample ? .all : doubt) else { continue }
                    doubts[id] = nil
                }
                if proof.details["partial"]?.boolValue != true { proved[id] = max(proved[id] ?? .metadata, proof.level) }
            }
            damaged = Set(doubts.keys)
        }
    }
}
