import Crypto
import StorageKit

/// Reads and writes the sealed objects that are not packs: indexes, snapshots, locks.
struct SealedFiles: Sendable {
    let store: any ObjectStore
    let key: SealKey
    /// Version 1 knows no compression.
    let compress: Bool

    /// The JSON of one object, checked against its name.
    func load(_ prefix: String, _ id: ObjectID) async throws -> [UInt8] {
        let name = ObjectName(prefix + id.hex)
        let location = "\(store.properties.location)/\(name)"
        let sealed = try await store.get(name)
        do {
            guard SHA256.digest(sealed) == id else {
                throw RepositoryError.damaged(location, expected: "bytes that hash to the object's name", found: "other bytes")
            }
            return try UnpackedFile.decode(try Sealer(key).open(sealed), at: location)
        } catch var error as RepositoryError where error.kind == .damaged {
            error.advice = Self.advice(for: prefix)
            throw error
        } catch let error as CryptoError {
            throw RepositoryError.damaged(location, expected: error.expected, found: error.found, advice: Self.advice(for: prefix))
        }
    }

    /// What to do about a damaged object.
    private static func advice(for prefix: String) -> String {
        prefix == ObjectNames.index
            ? RepositoryError.adviceToRepairIndex : "bring the object back from another copy of the repository, or remove it"
    }

    /// Stores an object durably under the hash of its sealed bytes.
    @discardableResult
    func save(_ prefix: String, _ json: [UInt8]) async throws -> ObjectID {
        let sealed = Sealer(key).seal(UnpackedFile.encode(json, compress: compress))
        let id = SHA256.digest(sealed)
        try await store.put(ObjectName(prefix + id.hex), sealed)
        return id
    }

    func delete(_ prefix: String, _ id: ObjectID) async throws { try await store.delete(ObjectName(prefix + id.hex)) }

    /// Loads objects side by side, as many as the store likes, and hands them over in no order.
    func loadAll(_ prefix: String, _ ids: [ObjectID], _ body: (ObjectID, [UInt8]) throws -> Void) async throws {
        try await loadEach(prefix, ids) { try body($0, try $1.get()) }
    }

    /// As `loadAll`, with the error of an object that could not be loaded in its place.
    func loadEach(_ prefix: String, _ ids: [ObjectID], _ body: (ObjectID, Result<[UInt8], any Error>) throws -> Void) async throws {
        try await withThrowingTaskGroup(of: (ObjectID, Result<[UInt8], any Error>).self) { group in
            var rest = ids[...]
            for _ in 0..<max(store.properties.connections, 1) {
                if let id = rest.popFirst() { group.addTask { (id, await attempt(prefix, id)) } }
            }
            while let (id, json) = try await group.next() {
                try body(id, json)
                if let id = rest.popFirst() { group.addTask { (id, await attempt(prefix, id)) } }
            }
        }
    }

    private func attempt(_ prefix: String, _ id: ObjectID) async -> Result<[UInt8], any Error> {
        do { return .success(try await load(prefix, id)) } catch { return .failure(error) }
    }
}
