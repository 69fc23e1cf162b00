import Crypto
import Synchronization

/// Gathers the nodes of one directory and stores its tree when the last is there.
final class DirectoryAssembly: Sendable {
    private struct State {
        var nodes: [Node?] = []
        var missing = 1  // the listing itself
    }

    private let state = Mutex(State())
    /// This directory's own entry, without its subtree; nil for the root.
    private let node: Node?
    private let parent: (directory: DirectoryAssembly, slot: Int)?
    /// The tree that the parent snapshot has here.
    private let former: ObjectID?
    private let finished: @Sendable (ObjectID) -> Void

    /// The root: `finished` gets the root tree's id.
    init(former: ObjectID?, finished: @escaping @Sendable (ObjectID) -> Void) {
        node = nil
        parent = nil
        self.former = former
        self.finished = finished
    }

    init(_ node: Node, in parent: DirectoryAssembly, slot: Int, former: ObjectID?) {
        self.node = node
        self.parent = (parent, slot)
        self.former = former
        finished = { _ in }
    }

    /// Reserves a place for an entry to come.
    func reserve() -> Int {
        state.withLock { state in
            state.nodes.append(nil)
            state.missing += 1
            return state.nodes.count - 1
        }
    }

    /// Called when every entry has its place.
    func close(_ saver: BlobSaver) throws { try settle(saver) { _ in } }

    /// `node` is nil for an entry that could not be read.
    func fill(_ slot: Int, _ node: Node?, _ saver: BlobSaver) throws { try settle(saver) { $0[slot] = node } }

    private func settle(_ saver: BlobSaver, _ change: (inout [Node?]) -> Void) throws {
        let complete = state.withLock { state -> [Node?]? in
            change(&state.nodes)
            state.missing -= 1
            guard state.missing == 0 else { return nil }
            defer { state.nodes = [] }
            return state.nodes
        }
        guard let complete else { return }
        let nodes = complete.compactMap { $0 }.sorted { $0.name < $1.name }
        let id = try saver.saveTree(nodes)
        guard let parent, var node else {
            finished(id)
            return
        }
        saver.counters.directoryDone(id, former: former)
        node.subtree = id
        try parent.directory.fill(parent.slot, node, saver)
    }
}
