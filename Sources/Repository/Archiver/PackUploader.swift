import StorageKit

/// Stores finished packs, several at once, and notes them in the index. Delivering waits while too many are on their way.
final class PackUploader: Sendable {
    private let store: any ObjectStore
    private let allowance: Allowance
    private let stream: AsyncStream<FinishedPack>
    private let sink: AsyncStream<FinishedPack>.Continuation

    init(store: any ObjectStore, breakdown: Breakdown) {
        self.store = store
        allowance = Allowance(store.properties.connections + 1, breakdown: breakdown)
        (stream, sink) = AsyncStream.makeStream()
        breakdown.onFailure { [sink] in sink.finish() }
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
                group.addTask { [store, allowance] in
                    try await store.put(ObjectNames.pack(pack.index.id), pack.bytes)
                    try await stored(pack)
                    allowance.giveBack()
                }
            }
            try await group.waitForAll()
        }
    }
}
