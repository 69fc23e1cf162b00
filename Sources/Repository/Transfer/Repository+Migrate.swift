import Crypto
import Basics
import StorageKit

extension Repository {
    /// The format version: 1 or 2.
    public var version: Int { Int(config.version) }

    /// Brings a repository of format version 1 to version 2, which compresses. What is stored stays as it is; what comes is compressed.
    /// False when it is of version 2 already. This object goes on with the version that it was opened with: open it anew.
    ///
    /// A store can't replace an object at once, so the old `config` lies beside as `config.v1` until the new one was read back; `open` puts
    /// it back where a migration was cut off in between.
    public func migrate() async throws -> Bool {
        guard config.version == 1 else { return false }
        return try await withLock(.exclusive, isolation: nil) { lock in
            let store = GuardedStore(base: self.store, lock: lock)
            let old = try await store.get(ObjectNames.config)
            if try await store.stat(Self.formerConfig) == nil { try await store.put(Self.formerConfig, old) }
            var next = config
            next.version = 2
            let sealed = Sealer(key).seal(next.encoded)
            try await store.delete(ObjectNames.config)
            try await store.put(ObjectNames.config, sealed)
            let written = try Config(decoding: try Sealer(key).open(try await store.get(ObjectNames.config)), at: location)
            guard written.version == 2, written.id == config.id else {
                throw RepositoryError.damaged(
                    "\(location)/config", expected: "the config of version 2 that was written", found: "another one")
            }
            try await store.delete(Self.formerConfig)
            return true
        }
    }

    private static let formerConfig: ObjectName = "config.v1"

    /// The config; of a migration that was cut off between two objects, the former one, put back.
    static func readConfig(_ store: any ObjectStore) async throws -> [UInt8] {
        do {
            return try await store.get(ObjectNames.config)
        } catch let error as StorageError where error.kind == .notFound {
            guard try await store.stat(formerConfig) != nil else { throw error }
            let former = try await store.get(formerConfig)
            try await store.put(ObjectNames.config, former)
            return former
        }
    }
}
