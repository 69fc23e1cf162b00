import Basics
import Repository
import Steps

/// Finds the snapshots that a command is about, in a list that is read once, and says which ones `latest` is.
struct SnapshotFinder {
    private let list: SnapshotList
    private let own: OwnSnapshots
    private let filter: SnapshotFilter
    private let location: String
    private let now = Instant.now

    init(_ opened: (repository: Repository, own: OwnSnapshots), _ filter: SnapshotFilter) async throws {
        list = try await opened.repository.snapshotList()
        own = opened.own
        location = opened.repository.location
        self.filter = filter
    }

    /// The one that is meant by `latest`, `latest before TIME`, an id or its beginning. Standard error hears what `latest` is, and what was passed over.
    func one(_ text: String) throws -> Snapshot {
        let picked = try pick(text)
        if SnapshotChoice(text).isLatest { StandardError.write(picked.words(time: picked.snapshot.time.dateAndClock)) }
        return picked.snapshot
    }

    /// The same; whoever asks says which it is.
    func pick(_ text: String) throws -> PickedSnapshot {
        let picked = try SnapshotChoice(text).pick(among: list, filter, own: own, now: now, at: location)
        for warning in picked.warnings { StandardError.write("warning: \(warning)") }
        return picked
    }

    /// Those that are named, each once; every one that the filter admits where none is.
    func several(_ texts: [String]) throws -> [Snapshot] {
        guard !texts.isEmpty else { return filter.admitted(list.snapshots) }
        var found: [Snapshot] = []
        for text in texts {
            let snapshot = try one(text)
            if !found.contains(snapshot) { found.append(snapshot) }
        }
        return found
    }

    /// Throws when a snapshot can't be read, for a command that is about all of them.
    func requireWhole() throws { try list.requireWhole() }

    /// Names what can't be read, on standard error. True when there is nothing.
    @discardableResult func sayDamaged() -> Bool {
        for problem in list.damaged { StandardError.write("damaged: \(problem)") }
        return list.damaged.isEmpty
    }

    /// Dated later than a clock that is right can have said.
    func isOfTheFuture(_ snapshot: Snapshot) -> Bool { snapshot.isOfTheFuture(at: now) }
}
