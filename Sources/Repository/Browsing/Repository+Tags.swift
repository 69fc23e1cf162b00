import Basics
import Crypto
import StorageKit

/// What becomes of a snapshot's tags.
public struct TagChange: Sendable, Hashable {
    /// These instead of all others; nil to keep them.
    public var set: [String]?
    public var add: [String]
    public var remove: [String]

    public init(set: [String]? = nil, add: [String] = [], remove: [String] = []) {
        self.set = set
        self.add = add
        self.remove = remove
    }

    func applied(to tags: [String]) -> [String] {
        var result = set ?? tags
        for tag in add where !result.containsExactly(tag) { result.append(tag) }
        return result.filter { !remove.containsExactly($0) }
    }
}

extension Repository {
    /// Changes the tags of snapshots. Each becomes a new object, which names the first one it was as `original`; the old one goes when the new one
    /// is durable. Returns the snapshots that changed, as they are now.
    public func changeTags(of snapshots: [Snapshot], _ change: TagChange) async throws -> [Snapshot] {
        try await withLock(.exclusive, isolation: nil) { lock in
            var changed: [Snapshot] = []
            for snapshot in snapshots {
                let tags = change.applied(to: snapshot.tags)
                guard tags != snapshot.tags else { continue }
                var next = snapshot
                next.tags = tags
                changed.append(try await replace(snapshot, by: next, lock))
            }
            return changed
        }
    }

    /// Stores `next` in the place of `snapshot`; the old object goes last.
    func replace(_ snapshot: Snapshot, by next: Snapshot, _ lock: RepositoryLock) async throws -> Snapshot {
        var next = next
        next.original = snapshot.original ?? snapshot.id
        let files = files(lock)
        next.id = try await files.save(ObjectNames.snapshots, next.encoded).hex
        guard next.id != snapshot.id else { return next }
        try await files.store.delete(ObjectName(ObjectNames.snapshots + snapshot.id))
        return next
    }
}
