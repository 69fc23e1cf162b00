import Synchronization

/// Gathers the blob ids of one file, which several threads find in any order.
final class FileAssembly: BlobReceiver {
    private struct State {
        var ids: [ObjectID?] = []
        var missing = 0
        /// Set when the file is read to its end.
        var node: Node?
        var finished = false
    }

    private let state = Mutex(State())
    private let directory: DirectoryAssembly
    private let slot: Int
    private let former: Node?

    /// `former` is what the parent snapshot has under this name.
    init(in directory: DirectoryAssembly, slot: Int, former: Node?) {
        self.directory = directory
        self.slot = slot
        self.former = former
    }

    /// The number of the next blob.
    func expect() -> Int {
        state.withLock { state in
            state.ids.append(nil)
            state.missing += 1
            return state.ids.count - 1
        }
    }

    /// The next blobs are `count` times this one, which is stored or on its way.
    func append(_ id: ObjectID, count: Int) {
        state.withLock { $0.ids.append(contentsOf: repeatElement(Optional(id), count: count)) }
    }

    func complete(_ index: Int, _ id: ObjectID, _ saver: BlobSaver) throws {
        let ended = state.withLock { state in
            state.ids[index] = id
            state.missing -= 1
            return state.missing == 0 && state.finished
        }
        if ended { try handOver(saver) }
    }

    /// Called once when no more blobs come. `node` is nil when the file could not be read.
    func finish(_ node: Node?, _ saver: BlobSaver) throws {
        let ended = state.withLock { state in
            state.node = node
            state.finished = true
            return state.missing == 0
        }
        if ended { try handOver(saver) }
    }

    private func handOver(_ saver: BlobSaver) throws {
        let node = state.withLock { state -> Node? in
            guard var node = state.node else { return nil }
            node.content = state.ids.compactMap { $0 }
            return node
        }
        if let node { saver.counters.fileDone(change(node), bytes: node.size) }
        try directory.fill(slot, node, saver)
    }

    /// A file that was read all the same may turn out to be as it was.
    private func change(_ node: Node) -> ArchiveCounters.Change {
        guard let former, former.type == "file" else { return .new }
        return former.content == node.content && node.isUnchanged(since: former, by: .metadata) ? .unmodified : .changed
    }
}
