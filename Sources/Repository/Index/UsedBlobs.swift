import Basics
import StorageKit

/// Walks trees and gathers every blob that they use, each tree once. Used by one task at a time.
final class UsedBlobs {
    private let loader: BlobLoader
    ///
    /// Those that no index lists are anything that a tree says: some are kept, to be named, and the others only counted.
    private(set) var used: Set<BlobKey> = []
    private(set) var unlistedMore = 0
    private var unlisted = 0
    /// Trees that can't be read, and why: no more than people read.
    private(set) var problems: [(key: BlobKey, error: any ExplainedError)] = []
    /// Files whose size in the tree is not that of their blobs. No more are kept than people read.
    private(set) var wrongSizes: [RepositoryError] = []
    private static let mostWrongSizes = 1000
    private static let mostUnlisted = 10_000

    /// False where it was used before, or is not kept.
    private func use(_ key: BlobKey) -> Bool {
        if loader.index.contains(key) { return used.insert(key).inserted }
        guard unlisted < Self.mostUnlisted else {
            unlistedMore += 1
            return false
        }
        guard used.insert(key).inserted else { return false }
        unlisted += 1
        return true
    }

    private func note(_ error: RepositoryError, of id: ObjectID) {
        if problems.count < Self.mostUnlisted { problems.append((BlobKey(kind: .tree, id: id), error)) }
    }

    init(loader: BlobLoader) { self.loader = loader }

    /// Adds a root tree and everything below. Errors of the store itself are thrown.
    func add(_ root: ObjectID) async throws {
        guard use(BlobKey(kind: .tree, id: root)) else { return }
        var pending = [root]
        /// Read one at a time, with nothing beside them.
        var large: [ObjectID] = []
        let width = max(loader.store.properties.connections, 1)
        try await withThrowingTaskGroup(of: (ObjectID, Result<Tree, any Error>).self) { group in
            var running = 0
            while !pending.isEmpty || !large.isEmpty || running > 0 {
                while running < width, let id = pending.popLast() {
                    guard !loader.isLargeTree(id) else {
                        large.append(id)
                        continue
                    }
                    running += 1
                    group.addTask { [loader] in
                        do { return (id, .success(try await loader.loadTree(id))) } catch { return (id, .failure(error)) }
                    }
                }
                if running == 0, let id = large.popLast() {
                    do { pending += try await gather(try await loader.loadTree(id), id) } catch let error as RepositoryError {
                        note(error, of: id)
                    }
                    continue
                }
                guard running > 0, let (id, result) = try await group.next() else { continue }
                running -= 1
                switch result {
                case .success(let tree): pending += try await gather(tree, id)
                case .failure(let error as RepositoryError): note(error, of: id)
                case .failure(let error): throw error
                }
            }
        }
    }

    private func gather(_ tree: Tree, _ id: ObjectID) async throws -> [ObjectID] {
        var below: [ObjectID] = []
        for node in tree.nodes {
            for id in node.content ?? [] { _ = use(BlobKey(kind: .data, id: id)) }
            if wrongSizes.count < Self.mostWrongSizes,
                let problem = try await loader.sizeProblem(of: node, at: "tree \(id), file \(node.name)")
            {
                wrongSizes.append(problem)
            }
            if let subtree = node.subtree, use(BlobKey(kind: .tree, id: subtree)) { below.append(subtree) }
        }
        return below
    }
}
