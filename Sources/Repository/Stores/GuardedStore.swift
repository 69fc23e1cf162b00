import Basics
import StorageKit

/// A store that is written only while a lock stands, and not before it is proved.
struct GuardedStore: ObjectStore {
    let base: any ObjectStore
    let lock: RepositoryLock

    var properties: ObjectStoreProperties { base.properties }
    var copies: [any ObjectStore] { base.copies }
    func create() async throws { try await base.create() }

    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        try await requireLock()
        try await base.put(name, bytes)
    }

    func delete(_ name: ObjectName) async throws {
        try await requireLock()
        try await base.delete(name)
    }

    func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        try await requireLock()
        return try await base.removeUnfinished(olderThan: age)
    }

    func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects { try await base.findUnfinished(olderThan: age) }

    private func requireLock() async throws {
        try await lock.proved()
        try lock.requireHeld()
    }

    func get(_ name: ObjectName) async throws -> [UInt8] { try await base.get(name) }
    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] { try await base.get(name, range: range) }
    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        try await base.list(prefix: prefix, page)
    }
    func stat(_ name: ObjectName) async throws -> ObjectInfo? { try await base.stat(name) }
}
