import StorageKit

/// Stores finished packs, several at once, and notes them in the index. Delivering waits while too many are on their way.
final class PackUploader: Sendable {
    private let store: any ObjectStore
    private let allowance: Allowance
    private let breakdown: Breakdown
    private let stream: AsyncStream<FinishedPack>
    private let sink: AsyncStream<FinishedPack>.Continuation

    /// `workers`: how many fill packs.
    init(store: any ObjectStore, workers: Int, breakdown: Breakdown) {
        self.store = store
        self.breakdown = breakdown
        allowance = Allowance(Self.underWay(store.properties, workers), breakdown: breakdown)
        (stream, sink) = AsyncStream.makeStream()
        breakdown.onFailure { [sink] in sink.finish() }
    }

    /// Packs on their way while others are being filled. Each connection of a store far away is to be busy always; a disk of this machine is with a
    /// few, and more of them are fresh memory, which costs as much as hashing what is put there: that of a stored pack costs nothing.
    private static func underWay(_ store: ObjectStoreProperties, _ workers: Int) -> Int {
        store.isRemote ? store.connections + 1 : min(max(workers, 2), store.connections + 1)
    }

    /// Blocks the calling thread until there is room.
    func deliver(_ pack: FinishedPack) throws {
        try allowance.take()
        sink.yield(pack)
    }

    /// Stores one pack besides those delivered.
    func storeNow(_ pack: FinishedPack) async throws { try await store.put(ObjectNames.pack(pack.index.id), pack.bytes) }

    /// No more packs come.
    func finish() { sink.finish() }

    /// Stores what is delivered, until `finish`. `stored` is called for each durable pack.
    func run(stored: @escaping @Sendable (FinishedPack) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var running = 0
            for await pack in stream {
                if running >= store.properties.connections {
                    try await group.next()
                    running -= 1
                }
                running += 1
                group.addTask { [store, allowance, breakdown] in
                    // Known at once: who waits for room would wait for ever, for what failed gives none back.
                    try await breakdown.guarding {
                        try await store.put(ObjectNames.pack(pack.index.id), pack.bytes)
                        try await stored(pack)
                    }
                    allowance.giveBack()
                }
            }
            try await group.waitForAll()
        }
    }
}
