import Basics
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

    private var latestWhole: Snapshot? { past.first(where: SnapshotTag.isWhole) }

    /// The newest whole one. Where every one misses something, the newest of them: it is the best there is, and `warnings` says so.
    var latest: Snapshot? { latestWhole ?? past.first }

    /// For people: what the latest lacks, and what was passed over for it.
    var warnings: [String] {
        let flawed =
            latestWhole == nil
            ? past.prefix(1).map { "snapshot \($0.dated) misses something, and so does every other of \(origin)" }
            : past.prefix { !SnapshotTag.isWhole($0) }.prefix(3).map {
                "snapshot \($0.dated) is newer and misses something; say its id if you mean it"
            }
        return flawed
            + future.prefix(3).map { "snapshot \($0.dated) is dated in the future, and counts for nothing: look whose clock was wrong" }
    }

    /// For an error: whose, and the newest of it.
    var listed: String {
        let newest = latest ?? future.first
        let flaw = latestWhole != nil ? "" : past.isEmpty ? ", of the future" : ", which misses something"
        return "\(origin): newest \(newest?.dated ?? "none")\(flaw) (\(origin.options))"
    }
}

extension Snapshot {
    /// Its short id and time.
    fileprivate var dated: String { "\(shortID) of \(SnapshotTime.text(time))" }
}
