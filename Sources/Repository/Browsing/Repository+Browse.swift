import Crypto
public import StorageKit

/// A repository's index, read once, to look into several snapshots.
public struct Browser: Sendable {
    let repository: Repository
    let loader: BlobLoader

    /// Calls `body` for every entry of a snapshot below `path`, depth first, as they are read.
    public func walk(
        _ snapshot: Snapshot, below path: TreePath = TreePath(), _ body: (SnapshotEntry) async throws -> Void
    ) async throws {
        try await TreeWalk(loader: loader).run(try snapshot.treeID(), below: path, body)
    }

    /// The entry at a path; nil for the snapshot's root. Throws `.noSuchPath` where there is nothing.
    public func entry(_ path: TreePath, of snapshot: Snapshot) async throws -> SnapshotEntry? {
        try await TreeWalk(loader: loader).find(path, in: try snapshot.treeID()).node.map { SnapshotEntry($0, at: path) }
    }

    /// Calls `body` for every path that is not the same in both.
    public func differences(
        from before: Snapshot, to after: Snapshot, _ body: (SnapshotChange) async throws -> Void
    ) async throws {
        try await TreeDifference(loader: loader).run(try before.treeID(), try after.treeID(), body)
    }

    /// A file's content in order, every blob verified. Some are read ahead. Throws at the end where it was not as long as its tree says.
    public func content(of entry: SnapshotEntry, _ body: ([UInt8]) async throws -> Void) async throws {
        let ids = entry.node.content ?? []
        var length: UInt64 = 0
        let ahead = loader.store.properties.connections + 1
        try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
            var (begun, wanted) = (0, 0)
            var early: [Int: [UInt8]] = [:]
            func begin() {
                guard begun < ids.count else { return }
                let (number, key) = (begun, BlobKey(kind: .data, id: ids[begun]))
                group.addTask { [loader] in (number, try await loader.load(key)) }
                begun += 1
            }
            for _ in 0..<ahead { begin() }
            while wanted < ids.count {
                if let bytes = early.removeValue(forKey: wanted) {
                    length += UInt64(bytes.count)
                    try await body(bytes)
                    wanted += 1
                    begin()
                } else if let (number, bytes) = try await group.next() {
                    early[number] = bytes
                }
            }
        }
        guard length == entry.size else { throw RepositoryError.wrongSize(at: "/\(entry.path)", expected: entry.size, found: length) }
    }
}

extension Repository {
    /// Reads the index, to look into snapshots. Takes no lock: what a prune removes meanwhile is an error of the entry that used it.
    public func browser() async throws -> Browser {
        Browser(repository: self, loader: BlobLoader(store: store, key: key, index: try await loadIndex()))
    }
}
