import Crypto
import Basics
import StorageKit

extension Repository {
    /// Removes snapshots. Their data stays until a prune. What is not there is no error. Returns the ids of those that the store keeps: their
    /// objects are locked for a time.
    @discardableResult public func forget(_ ids: [String]) async throws -> Set<String> {
        let names = try ids.map { id in
            guard let digest = ObjectID(hex: id) else {
                throw RepositoryError(
                    .noSuchSnapshot, expected: "the id of a snapshot, 64 hex digits", found: "\"\(id)\"", at: location,
                    advice: "list the snapshots for their ids")
            }
            return ObjectName(ObjectNames.snapshots + digest.hex)
        }
        guard !names.isEmpty else { return [] }
        return try await withLock(.exclusive, isolation: nil) { lock in
            let retained = try await GuardedStore(base: store, lock: lock).deleteUnlessRetained(names)
            return Set(zip(ids, names).filter { retained.contains($0.1) }.map(\.0))
        }
    }
}

extension ObjectStore {
    /// Removes objects, several at once.
    func deleteAll(_ names: [ObjectName]) async throws {
        try await forEach(names) { name in try await delete(name) }
    }

    /// The same, but what the store keeps for a time stays, and is returned.
    func deleteUnlessRetained(_ names: [ObjectName]) async throws -> Set<ObjectName> {
        let retained = Collected<ObjectName>()
        try await forEach(names) { name in
            do {
                try await delete(name)
            } catch let error as StorageError where error.kind == .retained {
                retained.append(name)
            }
        }
        return Set(retained.values)
    }

    private func forEach(_ names: [ObjectName], _ body: @escaping @Sendable (ObjectName) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var rest = names[...]
            for _ in 0..<Swift.max(properties.connections, 1) {
                if let name = rest.popFirst() { group.addTask { try await body(name) } }
            }
            while try await group.next() != nil { if let name = rest.popFirst() { group.addTask { try await body(name) } } }
        }
    }
}
