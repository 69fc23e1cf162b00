import Crypto
import Basics
import StorageKit

/// Reads and writes the sealed objects that are not packs: indexes, snapshots, locks.
struct SealedFiles: Sendable {
    let store: any ObjectStore
    let key: SealKey
    /// Version 1 knows no compression.
    let compress: Bool

    /// The JSON of one object, checked against its name.
    func load(_ prefix: String, _ id: ObjectID) async throws -> [UInt8] {
        let opened = try await opened(prefix, id)
        return try unpack(opened.plain, prefix, id)
    }

    /// An object as it was sealed, and how many bytes are stored of it.
    private func opened(_ prefix: String, _ id: ObjectID) async throws -> (plain: [UInt8], stored: Int) {
        let sealed = try await store.get(ObjectName(prefix + id.hex))
        guard SHA256.digest(sealed) == id else {
            throw damaged(prefix, id, expected: "bytes that hash to the object's name", found: "other bytes")
        }
        do { return (try Sealer(key).open(sealed), sealed.count) } catch {
            throw damaged(prefix, id, expected: error.expected, found: error.found)
        }
    }

    private func unpack(_ plain: [UInt8], _ prefix: String, _ id: ObjectID) throws -> [UInt8] {
        let limit = UnpackingRoom.limit(of: prefix)
        do {
            guard let json = try UnpackedFile.decode(plain, limit: limit, at: "") else { throw tooLarge(prefix, id, plain.count) }
            return json
        } catch let error as RepositoryError where error.location.isEmpty {
            throw damaged(prefix, id, expected: error.expected, found: error.found)
        }
    }

    private func tooLarge(_ prefix: String, _ id: ObjectID, _ stored: Int) -> RepositoryError {
        damaged(
            prefix, id, expected: "at most \(UnpackingRoom.limit(of: prefix) >> 20) MiB, and some times what is stored",
            found: "\(stored.counted("byte")) that unpack to more; nothing honest does")
    }

    private func damaged(_ prefix: String, _ id: ObjectID, expected: String, found: String) -> RepositoryError {
        .damaged("\(store.properties.location)/\(prefix)\(id)", expected: expected, found: found, advice: Self.advice(for: prefix))
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
    ///
    /// Small ones are unpacked side by side, large ones one after another: there is never more than one of those in memory.
    func loadEach(_ prefix: String, _ ids: [ObjectID], _ body: (ObjectID, Result<[UInt8], any Error>) throws -> Void) async throws {
        var room = UnpackingRoom(prefix)
        try await withThrowingTaskGroup(of: (ObjectID, Result<Loaded, any Error>).self) { group in
            var rest = ids[...]
            for _ in 0..<max(store.properties.connections, 1) {
                if let id = rest.popFirst() { group.addTask { (id, await attempt(prefix, id)) } }
            }
            while let (id, loaded) = try await group.next() {
                try body(id, loaded.flatMap { loaded in Result { try settled(loaded, prefix, id, &room) } })
                if let id = rest.popFirst() { group.addTask { (id, await attempt(prefix, id)) } }
            }
        }
    }

    private struct Loaded: Sendable {
        /// Nil where it is large: it is in `plain` then.
        var json: [UInt8]?
        var plain: [UInt8] = []
        var stored: Int
    }

    private static let smallBytes = 4 << 20

    private func attempt(_ prefix: String, _ id: ObjectID) async -> Result<Loaded, any Error> {
        do {
            let opened = try await opened(prefix, id)
            let limit = min(Self.smallBytes, UnpackingRoom.limit(of: prefix))
            guard let json = try? UnpackedFile.decode(opened.plain, limit: limit, at: "") else {
                return .success(Loaded(plain: opened.plain, stored: opened.stored))  // or damaged, which `settled` says
            }
            return .success(Loaded(json: json, stored: opened.stored))
        } catch { return .failure(error) }
    }

    private func settled(_ loaded: Loaded, _ prefix: String, _ id: ObjectID, _ room: inout UnpackingRoom) throws -> [UInt8] {
        let json = try loaded.json ?? unpack(loaded.plain, prefix, id)
        guard room.take(json.count, stored: loaded.stored) else { throw tooLarge(prefix, id, loaded.stored) }
        return json
    }
}
