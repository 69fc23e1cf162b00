import Crypto
import Basics
import StorageKit

/// Passwords: each has a key file of its own that holds the same master key (restic design document, "Keys").
extension Repository {
    /// Every key file that can be read, the oldest first.
    public func keys() async throws -> [RepositoryKey] {
        var keys: [RepositoryKey] = []
        for (id, _) in try await store.listIDs(ObjectNames.keys) {
            let name = ObjectName(ObjectNames.keys + id.hex)
            let bytes = try await store.get(name)
            guard SHA256.digest(bytes) == id else { continue }
            let file = try KeyFile(decoding: bytes, at: "\(location)/\(name)")
            keys.append(
                RepositoryKey(
                    id: id.hex, username: file.username, hostname: file.hostname, created: file.created, isCurrent: id == keyID))
        }
        return keys.sorted { ($0.created, $0.id) < ($1.created, $1.id) }
    }

    /// Lets one more password open the repository. Returns the new key's id. Throws `.invalid` for an empty one.
    public func addKey(password: RepositoryPassword) async throws -> String {
        try await Self.storeKey(key, password: try password.forNewKey(at: location), on: store).hex
    }

    /// As `addKey(password:)`, with bytes that are taken as they are.
    public func addKey(password: [UInt8]) async throws -> String { try await addKey(password: RepositoryPassword(password)) }

    /// Takes a password's right away. Refuses the key in use, so that one always stays.
    public func removeKey(_ id: String) async throws {
        guard let found = ObjectID(hex: id), try await store.stat(ObjectName(ObjectNames.keys + found.hex)) != nil else {
            throw RepositoryError(
                .invalid, expected: "the id of a key", found: id, at: "\(location)/keys", advice: "see `snappy-flow repository key list`")
        }
        guard found != keyID else {
            throw RepositoryError(
                .invalid, expected: "a key that is not in use", found: "the key of the password given", at: "\(location)/keys/\(id)",
                advice: "open the repository with another password, or change this one with `snappy-flow repository key passwd`")
        }
        try await store.delete(ObjectName(ObjectNames.keys + found.hex))
    }

    /// Replaces the password in use: the new one works before the old one stops. Returns the new key's id.
    public func changePassword(to password: RepositoryPassword) async throws -> String {
        let id = try await addKey(password: password)
        try await store.delete(ObjectName(ObjectNames.keys + keyID.hex))
        return id
    }

    /// As `changePassword(to:)`, with bytes that are taken as they are.
    public func changePassword(to password: [UInt8]) async throws -> String { try await changePassword(to: RepositoryPassword(password)) }

    /// Seals the master key under a password; durable when it returns.
    static func storeKey(_ key: SealKey, password: [UInt8], on store: any ObjectStore) async throws -> ObjectID {
        let cost = KeyFile.cost
        let file = try await scrypt { try KeyFile.encode(key, password: password, cost: cost, created: GoTime(.now)) }
        let id = SHA256.digest(file)
        try await store.put(ObjectName(ObjectNames.keys + id.hex), file)
        return id
    }
}
