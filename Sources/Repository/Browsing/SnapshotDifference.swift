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

    /// Two folders of one path, and the next entries of theirs that are to be looked into.
    private struct Pair {
        var left = 0
        var right = 0
    }

    func run(_ before: ObjectID, _ after: ObjectID, _ body: (SnapshotChange) async throws -> Void) async throws {
        guard before != after else { return }
        // Kept by hand, and each list once however wide it is: a hostile tree is deeper than any stack.
        var (left, right) = (OpenTrees(loader), OpenTrees(loader))
        var path = TreePath()
        var open: [Pair] = []
        var below: (name: FileName, before: ObjectID, after: ObjectID)? = (FileName(bytes: []), before, after)
        while true {
            try Task.checkCancellation()
            if let below {
                if !open.isEmpty { path.parts.append(below.name) }
                try await left.enter(below.before)
                try await right.enter(below.after)
                try await compare(&left, &right, path, body)
                open.append(Pair())
            } else {
                left.leave()
                right.leave()
                open.removeLast()
                if !open.isEmpty { path.parts.removeLast() }
            }
            guard var pair = open.popLast() else { return }
            below = try await next(&pair, &left, &right)
            open.append(pair)
        }
    }

    /// The next two folders of one name that differ.
    private func next(
        _ pair: inout Pair, _ left: inout OpenTrees, _ right: inout OpenTrees
    ) async throws -> (name: FileName, before: ObjectID, after: ObjectID)? {
        while pair.left < left.count, pair.right < right.count {
            let (one, other) = (try await left.node(pair.left), try await right.node(pair.right))
            if !(other.name < one.name) { pair.left += 1 }
            if !(one.name < other.name) { pair.right += 1 }
            if one.name == other.name, one.type == other.type, let before = one.subtree, let after = other.subtree, before != after {
                return (one.name, before, after)
            }
        }
        return nil
    }

    /// What is different of two folders, without what is below.
    private func compare(
        _ left: inout OpenTrees, _ right: inout OpenTrees, _ path: TreePath, _ body: (SnapshotChange) async throws -> Void
    ) async throws {
        var (one, other) = (0, 0)
        while one < left.count || other < right.count {
            let before = try await one < left.count ? left.node(one) : nil
            let after = try await other < right.count ? right.node(other) : nil
            if let before, after.map({ before.name < $0.name }) ?? true {
                try await whole(before, path, .removed, body)
                one += 1
            } else if let after, before.map({ after.name < $0.name }) ?? true {
                try await whole(after, path, .added, body)
                other += 1
            } else if let before, let after {
                try await compare(before, after, path, body)
                (one, other) = (one + 1, other + 1)
            }
        }
    }

    private func compare(
        _ before: Node, _ after: Node, _ folder: TreePath, _ body: (SnapshotChange) async throws -> Void
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
