import FlowModel
import Repository

/// What a repository holds of one origin. A pure value.
struct OriginHistory: Sendable {
    let origin: SnapshotOrigin
    /// The newest first; without those of the future.
    let past: [Snapshot]
    /// Dated later than a clock that is right can have said, the newest first. They count for nothing, and nothing happens to them.
    let future: [Snapshot]

    /// Every origin's, in order of origins.
    static func all(of snapshots: [Snapshot], now: Instant) -> [OriginHistory] {
        Dictionary(grouping: snapshots, by: SnapshotOrigin.init).sorted { $0.key < $1.key }.map { origin, members in
            let ordered = members.sorted { ($0.time, $0.id) > ($1.time, $1.id) }
            return OriginHistory(
                origin: origin, past: ordered.filter { !$0.isOfTheFuture(at: now) }, future: ordered.filter { $0.isOfTheFuture(at: now) })
        }
    }

    var latestWhole: Snapshot? { past.first(where: SnapshotTag.isWhole) }

    /// Newer than the latest whole one, and missing something.
    var newerUnwhole: [Snapshot] { Array(past.prefix { !SnapshotTag.isWhole($0) }) }

    /// For people: what was left out when the latest whole one was taken.
    var passedOver: [String] {
        newerUnwhole.prefix(3).map { "snapshot \($0.dated) is newer and misses something; say its id if you mean it" }
            + future.prefix(3).map { "snapshot \($0.dated) is dated in the future, and counts for nothing: look whose clock was wrong" }
    }

    /// For an error: whose, and the newest of it.
    var listed: String {
        let newest = latestWhole ?? past.first ?? future.first
        let flaw = latestWhole != nil ? "" : past.isEmpty ? ", of the future" : ", which misses something"
        return "\(origin): newest \(newest?.dated ?? "none")\(flaw) (\(origin.options))"
    }
}

extension Snapshot {
    /// Its short id and time.
    fileprivate var dated: String { "\(shortID) of \(SnapshotTime.text(time))" }
}
