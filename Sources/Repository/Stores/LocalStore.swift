public import Basics
public import StorageKit
import Threads

/// A repository in a local folder, laid out as restic does. An object's file has no name before it is whole and durable, and takes nobody's.
///
/// Blocking calls run on threads of the store's own.
public final class LocalStore: ObjectStore {
    private let folder: LocalFolder
    private let pool: BlockingPool

    /// `path` is absolute; nothing is made before `create`.
    public init(path: String, connections: Int = 4, keeping keptRoom: KeptRoom? = nil) {
        folder = LocalFolder(path: path, keptRoom: keptRoom)
        pool = BlockingPool(label: "local-store", width: connections)
        properties = ObjectStoreProperties(connections: connections, createOnlyIsAtomic: true, location: path, isRemote: folder.isRemote)
    }

    public let properties: ObjectStoreProperties

    public func create() async throws { try await pool.run { [folder] in try folder.create() } }
    public func put(_ name: ObjectName, _ bytes: [UInt8]) async throws { try await pool.run { [folder] in try folder.put(name, bytes) } }
    public func get(_ name: ObjectName) async throws -> [UInt8] { try await pool.run { [folder] in try folder.get(name, range: nil) } }

    public func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] {
        try await pool.run { [folder] in try folder.get(name, range: range) }
    }

    public func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        var pending = [prefix]
        while let next = pending.popLast() {
            let found = try await pool.run { [folder] in try folder.list(next) }
            pending += found.folders
            if !found.files.isEmpty { try await page(found.files) }
        }
    }

    public func stat(_ name: ObjectName) async throws -> ObjectInfo? { try await pool.run { [folder] in try folder.stat(name) } }
    public func delete(_ name: ObjectName) async throws { try await pool.run { [folder] in try folder.delete(name) } }

    public func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        try await pool.run { [folder] in try folder.unfinished(olderThan: age, removing: true) }
    }

    public func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        try await pool.run { [folder] in try folder.unfinished(olderThan: age, removing: false) }
    }
}
