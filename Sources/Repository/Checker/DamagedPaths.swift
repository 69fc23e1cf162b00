import Basics
import StorageKit

/// Finds which paths of a snapshot are hit by damaged or missing blobs, or are files of another size than their tree says.
struct DamagedPaths {
    private let loader: BlobLoader
    private let damaged: Set<ObjectID>
    private(set) var found: [TreePath] = []
    /// False where there are more than are listed.
    private(set) var isAll = true
    /// Trees in which nothing is hit: however often a snapshot has one, it is looked into once.
    private var clean: Set<ObjectID> = []

    private var named = NamedPaths(atMost: 10_000)

    init(loader: BlobLoader, damaged: Set<ObjectID>) {
        self.loader = loader
        self.damaged = damaged
    }

    private struct Frame {
        var id: ObjectID
        var next = 0
        /// Paths that had been found before it.
        var before: Int
    }

    /// Kept by hand: a hostile tree is deeper than any stack.
    mutating func walk(below root: ObjectID) async throws {
        var trees = OpenTrees(loader)
        var path = TreePath()
        var frames: [Frame] = []
        guard await enter(root, &trees) else {
            add(path)
            return
        }
        frames.append(Frame(id: root, before: found.count))
        while let frame = frames.last, isAll {
            try Task.checkCancellation()
            let isOver = frame.next >= trees.count
            let node = if isOver { Node?.none } else { try? await trees.node(frame.next) }
            guard let node else {
                if !isOver { add(path) } else if found.count == frame.before { clean.insert(frame.id) }
                trees.leave()
                frames.removeLast()
                if !frames.isEmpty { path.parts.removeLast() }
                continue
            }
            frames[frames.count - 1].next += 1
            if await isAmiss(node) { add(path.appending(node.name)) }
            guard let subtree = node.subtree, !clean.contains(subtree) else { continue }
            path.parts.append(node.name)
            if await enter(subtree, &trees) {
                frames.append(Frame(id: subtree, before: found.count))
            } else {
                add(path)
                path.parts.removeLast()
            }
        }
    }

    private func enter(_ id: ObjectID, _ trees: inout OpenTrees) async -> Bool {
        guard !damaged.contains(id) else { return false }
        return (try? await trees.enter(id)) != nil
    }

    private mutating func add(_ path: TreePath) {
        guard named.admit(path) else {
            isAll = false
            return
        }
        found.append(path)
    }

    /// False where a blob that is said to be whole can't be had.
    private func isAmiss(_ node: Node) async -> Bool {
        if let content = node.content {
            if content.contains(where: damaged.contains) || !loader.index.containsAll(content) { return true }
        }
        guard let problem = try? await loader.sizeProblem(of: node, at: "") else { return false }
        return problem.kind == .damaged
    }
}
