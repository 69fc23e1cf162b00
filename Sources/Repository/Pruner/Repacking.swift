import Crypto
import StorageKit

/// Copies used blobs into new packs as they are sealed: each is opened and hashed first, because the packs that they come from go, and with them the
/// last word on what an index says wrongly. Nothing is compressed again.
struct Repacking {
    let files: SealedFiles
    let key: SealKey
    let index: MasterIndex
    let options: PruneOptions

    /// Stores new packs durably and returns what is in them; they are in no index yet.
    func repack(_ packs: [PrunePlan.Pack]) async throws -> [IndexedPack] {
        var progress = PruneProgress()
        progress.bytesToRepack = packs.reduce(0) { $0 + UInt64($1.usedBytes) }
        var builders: [BlobKind: PackBuilder] = [.data: PackBuilder(), .tree: PackBuilder()]
        var fresh: [IndexedPack] = []
        let sealer = Sealer(key)
        let decoder = BlobDecoder(key)
        for pack in packs {
            for range in PackRange.coalesce(pack.used, in: pack.id) {
                try Task.checkCancellation()
                let bytes = try await files.store.get(ObjectNames.pack(pack.id), range: range.range)
                for blob in range.blobs {
                    let copy = try await authentic(blob, range, bytes, decoder)
                    guard let builder = builders[blob.key.kind] else { continue }
                    copy.bytes.withUnsafeBytes { builder.add(sealed: $0, copy.blob) }
                    guard builder.isFull else { continue }
                    fresh.append(try await store(builder.finish(sealer)))
                    builders[blob.key.kind] = PackBuilder()
                }
                progress.bytesRepacked += range.blobs.reduce(0) { $0 + UInt64($1.length) }
                options.progress?(progress)
            }
        }
        for builder in [builders[.data], builders[.tree]].compactMap({ $0 }) where !builder.isEmpty {
            fresh.append(try await store(builder.finish(sealer)))
        }
        return fresh
    }

    private func store(_ pack: FinishedPack) async throws -> IndexedPack {
        try await files.store.put(ObjectNames.pack(pack.index.id), pack.bytes)
        return pack.index
    }

    /// A blob's sealed bytes, from another pack when these are damaged.
    private func authentic(
        _ blob: PackedBlob, _ range: PackRange, _ bytes: [UInt8], _ decoder: BlobDecoder
    ) async throws -> (bytes: [UInt8], blob: PackedBlob) {
        let own = bytes.withUnsafeBytes { Array(range.slice(blob, of: $0)) }
        if decoder.proves(own, blob, in: range.pack) { return (own, blob) }
        for (pack, place) in index.locations(of: blob.key) where pack != range.pack {
            let sealed = try await files.store.get(ObjectNames.pack(pack), range: place.range)
            if decoder.proves(sealed, place, in: pack) { return (sealed, place) }
        }
        throw RepositoryError.damaged(
            "\(files.store.properties.location)/\(ObjectNames.pack(range.pack)) at \(blob.offset)",
            expected: "\(blob.key.kind) blob \(blob.key.id)",
            found: "other bytes", advice: RepositoryError.advice(repairing: range.pack))
    }
}
