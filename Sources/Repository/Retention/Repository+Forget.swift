import Crypto
import StorageKit

extension Repository {
    /// Removes snapshots. Their data stays until a prune. What is not there is no error.
    public func forget(_ ids: [String]) async throws {
        let names = try ids.map { id in
            guard let digest = ObjectID(hex: id) else {
                throw RepositoryError(
                    .noSnapshot, expected: "the id of a snapshot, 64 hex digits", found: "\"\(id)\"", at: location,
                    advice: "list the snapshots for their ids")
            }
            return ObjectName(ObjectNames.snapshots + digest.hex)
        }
        guard !names.isEmpty else { return }
        try await withLock(.exclusive, isolation: nil) { lock in
            try await GuardedStore(base: store, lock: lock).deleteAll(names)
        }
    }
}

extension ObjectStore {
    /// Removes objects, several at once.
    func deleteAll(_ names: [ObjectName]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var rest = names[...]
            for _ in 0..<Swift.max(properties.connections, 1) {
                if let name = rest.popFirst() { group.addTask { try await self.delete(name) } }
            }
            while try await group.next() != nil { if let name = rest.popFirst() { group.addTask { try await self.delete(name) } } }
        }
    }
}
