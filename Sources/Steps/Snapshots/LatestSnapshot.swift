import Basics
import Repository
import StepKit

/// What `latest` is. A pure value; see `SnapshotChoice.pick`.
struct LatestSnapshot {
    let all: [Snapshot]
    let filter: SnapshotFilter
    let own: OwnSnapshots
    let now: Instant
    let location: String

    func pick() throws(StepError) -> PickedSnapshot {
        let histories = OriginHistory.all(of: candidates, now: now)
        // What is of the future counts for nothing, and so it makes no other one doubtful.
        var counting = histories.filter { !$0.past.isEmpty }
        // Of one system's views its own is meant, where there is one and no other is asked for.
        let own = Set(counting.map(\.origin).filter { $0.view == nil })
        if counting.count > 1 { counting.removeAll { $0.origin.view != nil && own.contains($0.origin.ofOwnView) } }
        guard counting.count < 2 else { throw several(counting) }
        guard let history = counting.first, let latest = history.latest else { throw none(histories) }
        return PickedSnapshot(snapshot: latest, warnings: histories.flatMap(\.warnings))
    }

    /// The document's own before all; others' only where they were named, or where nothing says which are the document's.
    private var candidates: [Snapshot] {
        let admitted = filter.admitted(all)
        let holding = admitted.filter(filter.holds)
        let matching = holding.isEmpty ? admitted : holding
        let mine = matching.filter { own.contain(SnapshotOrigin($0), filter) }
        guard mine.isEmpty else { return mine }
        return filter.reachesBeyondDocument || !holding.isEmpty || own.copied.isEmpty ? matching : []
    }

    // MARK: when there is none, or more than one

    private static let namedAtMost = 20

    private var expected: String { filter.description.isEmpty ? own.words : filter.description }

    private func several(_ histories: [OriginHistory]) -> StepError {
        StepError(
            .severalOrigins, expected: "snapshots of one system, for `latest`\(filter)", found: "\(histories.count): \(listed(histories))",
            at: location,
            advice:
                "say which one, by `--system`, `--pipeline`, `--host`, `--path` or `--tag` (of a step: `system`, `pipeline`, `host`, `tags`), or an id"
        )
    }

    private func none(_ unfit: [OriginHistory]) -> StepError {
        let others = OriginHistory.all(of: all, now: now)
        let found =
            !unfit.isEmpty
            ? "only what is of the future: \(listed(unfit))"
            : others.isEmpty ? "none of 0 snapshots" : "none of \(all.count.counted("snapshot")); there are \(listed(others))"
        return StepError(
            .noSuchSnapshot, expected: "a snapshot\(expected)", found: found, at: location,
            advice: others.isEmpty
                ? "run a pipeline that copies into the repository"
                : "name one by its id, or by `--system`, `--pipeline`, `--host`, `--path` or `--tag` (of a step: `system`, `pipeline`, `host`, `tags`); `snappy-flow snapshots list` shows all"
        )
    }

    private func listed(_ histories: [OriginHistory]) -> String {
        histories.prefix(Self.namedAtMost).map(\.listed).joined(separator: "; ")
            + (histories.count > Self.namedAtMost ? "; and \(histories.count - Self.namedAtMost) more" : "")
    }
}
