import Crypto
import Basics
import StorageKit

/// Reads single blobs out of packs, from another copy where one is damaged.
struct BlobLoader: Sendable {
    let store: any ObjectStore
    let key: SealKey
    let index: MasterIndex

    func load(_ blob: BlobKey) async throws -> [UInt8] { try await fetch(blob) { Array(try $0.decode($1, $2, in: $3)) } }

    /// Throws what `load` would.
    func prove(_ blob: BlobKey) async throws { try await fetch(blob) { try $0.prove($1, $2, in: $3) } }

    func loadTree(_ id: ObjectID) async throws -> Tree {
        try await fetch(BlobKey(kind: .tree, id: id)) { try $0.tree($1, $2, in: $3) }
    }

    /// Whether a tree is so large that there should be one of its size in memory at a time.
    func isLargeTree(_ id: ObjectID) -> Bool { index.locations(of: BlobKey(kind: .tree, id: id)).contains { $0.blob.isLargeTree } }

    private typealias Decoding<Value> = (BlobDecoder, UnsafeRawBufferPointer, PackedBlob, ObjectID) throws -> Value

    /// From whichever place has it whole. `decode` proves the bytes: their seal, and that they are the blob.
    private func fetch<Value: Sendable>(_ blob: BlobKey, _ decode: Decoding<Value>) async throws -> Value {
        let places = index.locations(of: blob)
        var problem: any Error = RepositoryError(
            .missingBlob, expected: "\(blob.kind) blob \(blob.id)", found: "none in the index", at: store.properties.location,
            advice: RepositoryError.adviceToRepairIndex)
        let cache = blob.kind == .tree ? (store as? CachingStore)?.cache : nil
        let name = "trees/\(blob.id)"
        for (pack, place) in places {
            guard let kept = await cache?.read(name), let value = try? decoded(kept, place, pack, decode) else { continue }
            return value
        }
        for ((pack, place), copy) in places.flatMap({ place in store.copies.map { (place, $0) } }) {
            try Task.checkCancellation()
            do {
                try requireSize(place, pack)
                let sealed = try await copy.get(ObjectNames.pack(pack), range: place.range)
                let value = try decoded(sealed, place, pack, decode)
                await cache?.write(name, sealed)
                return value
            } catch let error as StorageError where error.kind == .notFound {
                problem = RepositoryError.missing(pack: pack, at: copy.properties.location)
            } catch let error as StorageError where error.kind == .truncated {
                problem = RepositoryError.damaged(
                    "\(copy.properties.location)/\(ObjectNames.pack(pack))", expected: error.expected, found: error.found,
                    advice: RepositoryError.advice(repairing: pack))
            } catch let error as RepositoryError {
                problem = error
            }
        }
        throw problem
    }

    private func decoded<Value>(_ sealed: [UInt8], _ place: PackedBlob, _ pack: ObjectID, _ decode: Decoding<Value>) throws -> Value {
        let decoder = BlobDecoder(key)
        return try withExtendedLifetime(decoder) {  // the bytes are the decoder's
            try sealed.withUnsafeBytes { try decode(decoder, $0, place, pack) }
        }
    }

    /// An index may say any length; what it costs to look is bounded.
    private func requireSize(_ place: PackedBlob, _ pack: ObjectID) throws {
        let limit = place.key.kind == .tree ? TreeLimits.stored : BlobDecoder.largestBlob + 1 << 20
        guard place.length <= limit else {
            throw RepositoryError.damaged(
                "data/\(pack) at \(place.offset)",
                expected: "\(place.key.kind) blob \(place.key.id), of at most \(limit) bytes as it is stored",
                found: "\(place.length.counted("byte")), as an index says", advice: RepositoryError.advice(repairing: pack))
        }
    }
}

extension RepositoryError {
    static func missing(pack: ObjectID, at location: String) -> RepositoryError {
        RepositoryError(
            .missingPack, expected: "pack \(pack), which the index lists", found: "no such object",
            at: "\(location)/\(ObjectNames.pack(pack))",
            advice:
                "put the pack back from another copy of the repository; where there is none, `snappy-flow repository repair index` lets a new backup store its content again"
        )
    }
}
