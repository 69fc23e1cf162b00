import Crypto
import StorageKit

/// Reads single blobs out of packs, from another copy where one is damaged.
struct BlobLoader: Sendable {
    let store: any ObjectStore
    let key: SealKey
    let index: MasterIndex

    func load(_ blob: BlobKey) async throws -> [UInt8] {
        let places = index.locations(of: blob)
        var problem: any Error = RepositoryError(
            .missingBlob, expected: "\(blob.kind) blob \(blob.id)", found: "none in the index", at: store.properties.location,
            advice: RepositoryError.adviceToRepairIndex)
        let cache = blob.kind == .tree ? (store as? CachingStore)?.cache : nil
        let name = "trees/\(blob.id)"
        for (pack, place) in places {
            guard let kept = await cache?.read(name), let plain = try? decode(kept, place, pack) else { continue }
            return plain
        }
        for ((pack, place), copy) in places.flatMap({ place in store.copies.map { (place, $0) } }) {
            try Task.checkCancellation()
            do {
                let sealed = try await copy.get(ObjectNames.pack(pack), range: place.range)
                let plain = try decode(sealed, place, pack)
                await cache?.write(name, sealed)
                return plain
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

    /// Proves the bytes: their seal, and that they are the blob.
    private func decode(_ sealed: [UInt8], _ place: PackedBlob, _ pack: ObjectID) throws -> [UInt8] {
        let decoder = BlobDecoder(key)
        return try withExtendedLifetime(decoder) {  // the bytes are the decoder's
            try sealed.withUnsafeBytes { Array(try decoder.decode($0, place, in: pack)) }
        }
    }

    func loadTree(_ id: ObjectID) async throws -> Tree { try Tree(decoding: try await load(BlobKey(kind: .tree, id: id)), id: id) }
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
