import Basics

/// What a policy does with each snapshot, and why. A value: nothing is removed by making it.
public struct ForgetPlan: Sendable, Hashable {
    public struct Decision: Sendable, Hashable {
        public var snapshot: Snapshot
        /// Empty for one that goes.
        public var reasons: [String]
        public var keeps: Bool { !reasons.isEmpty }
    }

    public struct Group: Sendable, Hashable {
        /// Nil where the policy does not group by it.
        public var host: String?
        public var paths: [String]?
        public var tags: [String]?
        /// Newest first.
        public var decisions: [Decision]
    }

    public var groups: [Group]
    public var keep: [Snapshot] { groups.flatMap { $0.decisions.filter(\.keeps).map(\.snapshot) } }
    public var remove: [Snapshot] { groups.flatMap { $0.decisions.filter { !$0.keeps }.map(\.snapshot) } }
}

extension ForgetPlan {
    /// `protected` stay whatever the policy says. Of `eligible`, when given, alone the counts are filled; the others are kept
    /// only if protected.
    public init(_ policy: RetentionPolicy, among snapshots: [Snapshot], protected: Set<String> = [], eligible: Set<String>? = nil) {
        struct Key: Hashable {
            var host: ExactText?
            var paths: [ExactText]?
            var tags: [ExactText]?
        }
        let grouped = Dictionary(grouping: snapshots) { snapshot in
            Key(
                host: policy.groupBy.contains(.host) ? ExactText(snapshot.hostname) : nil,
                paths: policy.groupBy.contains(.paths) ? snapshot.paths.map { ExactText($0) }.sorted() : nil,
                tags: policy.groupBy.contains(.tags) ? snapshot.tags.map { ExactText($0) }.sorted() : nil)
        }
        groups = grouped.map { key, members in
            let ordered = members.sorted { ($0.time, $0.id) > ($1.time, $1.id) }
            let counted = ordered.filter { eligible?.contains($0.id) ?? true }
            var reasons =
                policy.isEmpty
                ? Dictionary(uniqueKeysWithValues: ordered.map { ($0.id, ["no policy"]) }) : RetentionBuckets.reasons(policy, counted)
            for id in protected { reasons[id, default: []].append("protected") }
            return Group(
                host: key.host?.text, paths: key.paths?.map(\.text), tags: key.tags?.map(\.text),
                decisions: ordered.map { Decision(snapshot: $0, reasons: reasons[$0.id] ?? []) })
        }
        groups.sort { left, right in
            let (one, other) = (
                [left.host ?? ""] + (left.paths ?? []) + (left.tags ?? []), [right.host ?? ""] + (right.paths ?? []) + (right.tags ?? [])
            )
            return one.lexicographicallyPrecedes(other)
        }
    }
}

extension Repository {
    /// Applies a policy to snapshots. Pure; `forget` then removes what the plan says.
    public func forgetPlan(
        _ policy: RetentionPolicy, among snapshots: [Snapshot], protected: Set<String> = [], eligible: Set<String>? = nil
    ) -> ForgetPlan {
        ForgetPlan(policy, among: snapshots, protected: protected, eligible: eligible)
    }
}
