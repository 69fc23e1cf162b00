import Crypto
import Synchronization

/// Gathers the blob ids of an image's extents, which several threads find in any order.
final class ImageAssembly: BlobReceiver {
    private struct State {
        var layout: ImageLayout
        /// Extents to come, and one for the reading itself.
        var missing: Int
    }

    private let state: Mutex<State>
    private let node: Node
    private let directory: DirectoryAssembly
    private let slot: Int
    private let former: Node?
    private let zeros: ZeroBlobs

    init(_ plan: ImagePlan, _ node: Node, former: Node?, zeros: ZeroBlobs, in directory: DirectoryAssembly, slot: Int) {
        state = Mutex(State(layout: plan.layout, missing: plan.reads.count + 1))
        self.node = node
        self.former = former
        self.zeros = zeros
        self.directory = directory
        self.slot = slot
    }

    func complete(_ index: Int, _ id: ObjectID, _ saver: BlobSaver) throws { try settle(saver) { $0.extents[index] = .blob(id) } }

    /// The extent was read and holds nothing. Never the last to come: the reading itself is counted too.
    func empty(_ index: Int) {
        state.withLock { state in
            state.layout.extents[index] = .zero
            state.missing -= 1
        }
    }

    /// Called once when every extent is on its way.
    func finish(_ saver: BlobSaver) throws { try settle(saver) { _ in } }

    private func settle(_ saver: BlobSaver, _ change: (inout ImageLayout) -> Void) throws {
        let whole = state.withLock { state -> ImageLayout? in
            change(&state.layout)
            state.missing -= 1
            return state.missing == 0 ? state.layout : nil
        }
        guard let whole else { return }
        var sizes: Set<Int64> = []
        var node = node
        let content = whole.content(zeros, used: &sizes)
        for size in sizes.sorted() {
            try saver.save(.data, named: zeros.id(of: size)) { [UInt8](repeating: 0, count: Int(size)) }
        }
        node.content = content
        node.size = UInt64(whole.size)
        let change: ArchiveCounters.Change = former == nil ? .new : former?.content == content ? .unmodified : .changed
        saver.counters.imageDone(change, bytes: node.size)
        try directory.fill(slot, node, saver)
    }
}
