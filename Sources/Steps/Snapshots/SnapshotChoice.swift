public import Basics
public import Repository
import StepKit

/// Which repository snapshot is meant: `latest`, `latest before TIME`, or an id or its beginning. A pure value.
public enum SnapshotChoice: Sendable, Hashable {
    case latest(before: String?)
    case id(String)

    public init(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        switch (words.first, words.count) {
        case ("latest", 1): self = .latest(before: nil)
        case ("latest", 3) where words[1] == "before": self = .latest(before: words[2])
        default: self = .id(text.lowercased())
        }
    }

    public var isLatest: Bool { if case .latest = self { true } else { false } }

    /// The one snapshot of the list that is meant.
    ///
    /// `latest` is the newest whole one of one origin (the newest, where every one misses something), never one of the future: the document's own, where it has one that the filter admits; else what
    /// the filter reaches, or, of a document that copies nothing into the repository, what is there. It is refused where that is none or of
    /// several origins (`no-such-snapshot`, `several-origins`; both list what is there), and while a snapshot can't be read, for that may be the newest.
    /// - Parameters:
    ///   - own: The snapshots of the document that asks.
    ///   - now: By the clock of whoever asks.
    ///   - location: Of the repository, for errors.
    public func pick(
        among list: SnapshotList, _ filter: SnapshotFilter = SnapshotFilter(), own: OwnSnapshots, now: Instant, at location: String
    ) throws -> PickedSnapshot {
        switch self {
        case .id(let id): return try Self.named(id, list.snapshots, filter, now, location)
        case .latest(let text):
            try list.requireWhole()
            var filter = filter
            if let limit = try text.map({ try SnapshotTime.parse($0, at: location) }) { filter.before = min(limit, filter.before ?? limit) }
            return try LatestSnapshot(all: list.snapshots, filter: filter, own: own, now: now, location: location).pick()
        }
    }

    private static func named(
        _ id: String, _ all: [Snapshot], _ filter: SnapshotFilter, _ now: Instant, _ location: String
    ) throws(StepError) -> PickedSnapshot {
        let advice = "list them: `snappy-flow snapshots list`, or `restic snapshots`"
        guard !id.isEmpty else {
            throw StepError(.noSuchSnapshot, expected: "latest, an id or its beginning", found: "nothing", at: location, advice: advice)
        }
        let found = all.filter { $0.id.hasPrefix(id) }
        guard let snapshot = found.first else {
            throw StepError(
                .noSuchSnapshot, expected: "snapshot \(id.printable)", found: "none of \(all.count.counted("snapshot"))", at: location,
                advice: advice
            )
        }
        guard found.count == 1 else {
            throw StepError(
                .noSuchSnapshot, expected: "an id of one snapshot", found: "\(id), with which \(found.count) ids begin", at: location,
                advice: "give more digits")
        }
        guard filter.admits(snapshot) else {
            throw StepError(
                .noSuchSnapshot, expected: "snapshot \(snapshot.shortID) to be one\(filter)",
                found: "\(SnapshotOrigin(snapshot)), of \(SnapshotTime.text(snapshot.time))", at: location,
                advice: "give the id alone, or another one")
        }
        var warnings: [String] = []
        if !SnapshotTag.isWhole(snapshot) { warnings.append("snapshot \(snapshot.shortID) misses something, its tags say") }
        if snapshot.isOfTheFuture(at: now) {
            warnings.append("snapshot \(snapshot.shortID) is dated in the future, \(SnapshotTime.text(snapshot.time))")
        }
        return PickedSnapshot(snapshot: snapshot, warnings: warnings)
    }
}

/// A snapshot that was chosen.
public struct PickedSnapshot: Sendable, Hashable {
    public var snapshot: Snapshot
    /// What whoever asked should know: newer ones that were left out and why, or what the chosen one lacks.
    public var warnings: [String] = []

    /// Which one it is and whose, for a log. `time`: of the snapshot as its reader knows time; RFC 3339 in UTC when nil.
    public func words(time: String? = nil) -> String {
        "snapshot \(snapshot.shortID) of \(time ?? SnapshotTime.text(snapshot.time)), \(SnapshotOrigin(snapshot).words(with: snapshot.paths))"
    }
}
