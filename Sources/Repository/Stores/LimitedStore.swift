import Basics
import StorageKit

/// Keeps a store's bytes within a bandwidth, object by object: for stores that can't do it as they go over the wire.
struct LimitedStore: ObjectStore {
    let base: any ObjectStore
    let limit: BandwidthLimit

    /// The store, kept within the limit in the finest way that it has.
    static func limited(_ store: any ObjectStore, _ limit: BandwidthLimit?) -> any ObjectStore {
        guard let limit else { return store }
        guard let paced = store as? any PacedStore else { return LimitedStore(base: store, limit: limit) }
        paced.pace(by: limit)
        return paced
    }

    private func wait(_ bytes: Int, _ direction: BandwidthLimit.Direction) async throws {
        try await Task.sleep(for: limit.moved(bytes, direction))
    }

    var properties: ObjectStoreProperties { base.properties }
    func create() async throws { try await base.create() }

    /// The wait comes first: an object that is stored is said to be.
    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        try await wait(bytes.count, .upload)
        try await base.put(name, bytes)
    }

    func get(_ name: ObjectName) async throws -> [UInt8] {
        let bytes = try await base.get(name)
        try await wait(bytes.count, .download)
        return bytes
    }

    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] {
        let bytes = try await base.get(name, range: range)
        try await wait(bytes.count, .download)
        return bytes
    }

    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        try await base.list(prefix: prefix, page)
    }
    func stat(_ name: ObjectName) async throws -> ObjectInfo? { try await base.stat(name) }
    func delete(_ name: ObjectName) async throws { try await base.delete(name) }
    func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects { try await base.removeUnfinished(olderThan: age) }
    func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects { try await base.findUnfinished(olderThan: age) }
}
