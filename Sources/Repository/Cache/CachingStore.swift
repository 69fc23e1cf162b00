import Crypto
import Basics
import StorageKit

/// A store whose metadata are read from this machine where they are there. What exists is always asked of the store itself: only contents that
/// can't change, named as their hashes, are kept.
struct CachingStore: ObjectStore {
    let base: any ObjectStore
    let cache: MetadataCache

    var properties: ObjectStoreProperties { base.properties }
    var copies: [any ObjectStore] { base.copies }

    /// An index or a snapshot, by its hash.
    private func id(of name: ObjectName) -> ObjectID? {
        for prefix in [ObjectNames.index, ObjectNames.snapshots] where name.text.hasPrefix(prefix) {
            return ObjectID(hex: String(name.text.dropFirst(prefix.count)))
        }
        return nil
    }

    func get(_ name: ObjectName) async throws -> [UInt8] {
        guard let id = id(of: name) else { return try await base.get(name) }
        if let kept = await cache.read(name.text), SHA256.digest(kept) == id { return kept }
        let bytes = try await base.get(name)
        if SHA256.digest(bytes) == id { await cache.write(name.text, bytes) }
        return bytes
    }

    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        try await base.put(name, bytes)
        if id(of: name) != nil { await cache.write(name.text, bytes) }
    }

    func delete(_ name: ObjectName) async throws {
        try await base.delete(name)
        if id(of: name) != nil { await cache.remove(name.text) }
    }

    // MARK: what is not kept

    func create() async throws { try await base.create() }
    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] { try await base.get(name, range: range) }
    func stat(_ name: ObjectName) async throws -> ObjectInfo? { try await base.stat(name) }
    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        try await base.list(prefix: prefix, page)
    }
    func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects { try await base.removeUnfinished(olderThan: age) }
    func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects { try await base.findUnfinished(olderThan: age) }
}
