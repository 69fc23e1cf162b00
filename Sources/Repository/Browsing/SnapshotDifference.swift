public import StorageKit

/// What became of one path from one snapshot to another.
public struct SnapshotChange: Sendable {
    public enum Kind: Sendable, Hashable {
        case added, removed
        /// Another content.
        case modified
        /// Something of another kind.
        case typeChanged
        /// The same content with another owner, mode, time or attribute.
        case metadataChanged
    }
    public var kind: Kind
    public var path: TreePath
    public var before: SnapshotEntry?
    public var after: SnapshotEntry?
}

/// Compares two trees, folder by folder; what has the same name and hash is not looked into.
struct TreeDifference {
    let loader: BlobLoader

    func run(_ before: ObjectID, _ after: ObjectID, _ body: (SnapshotChange) async throws -> Void) async throws {
        var open: [(before: ObjectID, after: ObjectID, path: TreePath)] = [(before, after, TreePath())]
        while let (before, after, path) = open.popLast() {
            guard before != after else { continue }
            try Task.checkCancellation()
            let (left, right) = (try await loader.loadTree(before).nodes, try await loader.loadTree(after).nodes)
            var below: [(before: ObjectID, after: ObjectID, path: TreePath)] = []
            var (one, other) = (0, 0)
            while one < left.count || other < right.count {
                if other == right.count || one < left.count && left[one].name < right[other].name {
                    try await whole(left[one], path, .removed, body)
                    one += 1
                } else if one == left.count || right[other].name < left[one].name {
                    try await whole(right[other], path, .added, body)
                    other += 1
                } else {
                    try await compare(left[one], right[other], path, &below, body)
                    (one, other) = (one + 1, other + 1)
                }
            }
            open += below.reversed()
        }
    }

    private func compare(
        _ before: Node, _ after: Node, _ folder: TreePath, _ below: inout [(before: ObjectID, after: ObjectID, path: TreePath)],
        _ body: (SnapshotChange) async throws -> Void
    ) async throws {
        let path = folder.appending(before.name)
        func change(_ kind: SnapshotChange.Kind) -> SnapshotChange {
            SnapshotChange(kind: kind, path: path, before: SnapshotEntry(before, at: path), after: SnapshotEntry(after, at: path))
        }
        guard before.type == after.type else {
            try await body(change(.typeChanged))
            if before.type == "dir" { try await contents(before, path, .removed, body) }
            if after.type == "dir" { try await contents(after, path, .added, body) }
            return
        }
        if before.content != after.content || before.linkTarget != after.linkTarget || before.device != after.device {
            try await body(change(.modified))
        } else if before.metadata != after.metadata {
            try await body(change(.metadataChanged))
        }
        if let one = before.subtree, let other = after.subtree { below.append((one, other, path)) }
    }

    /// An entry that is on one side only, with everything below it.
    private func whole(
        _ node: Node, _ folder: TreePath, _ kind: SnapshotChange.Kind, _ body: (SnapshotChange) async throws -> Void
    ) async throws {
        let path = folder.appending(node.name)
        try await body(change(SnapshotEntry(node, at: path), kind))
        if node.type == "dir" { try await contents(node, path, kind, body) }
    }

    private func contents(
        _ node: Node, _ path: TreePath, _ kind: SnapshotChange.Kind, _ body: (SnapshotChange) async throws -> Void
    ) async throws {
        guard let subtree = node.subtree else { return }
        try await TreeWalk(loader: loader).run(subtree, below: TreePath()) { entry in
            var entry = entry
            entry.path = TreePath(path.parts + entry.path.parts)
            try await body(change(entry, kind))
        }
    }

    private func change(_ entry: SnapshotEntry, _ kind: SnapshotChange.Kind) -> SnapshotChange {
        SnapshotChange(
            kind: kind, path: entry.path, before: kind == .removed ? entry : nil, after: kind == .added ? entry : nil)
    }
}
