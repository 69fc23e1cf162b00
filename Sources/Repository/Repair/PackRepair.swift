import Crypto
import StorageKit

/// What a repair of packs found and did.
public struct PackRepairReport: Sendable {
    /// Blobs that were whole and are in new packs now.
    public var blobsSaved = 0
    /// Blobs that no pack holds whole: 64 hex digits each.
    public var blobsLost: [String] = []
    public var packsRemoved = 0
}

/// Saves what is whole in damaged packs, and takes those packs out of the repository.
///
/// The new packs and their index are durable before the old index and the damaged packs go.
struct PackRepair {
    let repository: Repository
    let files: SealedFiles

    func run(_ damaged: Set<ObjectID>) async throws -> PackRepairReport {
        var report = PackRepairReport()
        var indexes: [ObjectID: [IndexedPack]] = [:]
        let ids = try await files.store.listIDs(ObjectNames.index).map(\.id)
        try await files.loadAll(ObjectNames.index, ids) { id, json in
            indexes[id] = try IndexFile(decoding: json, at: "\(repository.location)/index/\(id)").packs
        }
        let index = MasterIndex()
        index.add(indexes.values.joined().filter { !damaged.contains($0.id) })
        var writer = PackWriter(files: files)
        var saved: Set<BlobKey> = []
        for id in damaged.sorted() {
            try Task.checkCancellation()
            guard let pack = indexes.values.joined().first(where: { $0.id == id }) else {
                throw RepositoryError(
                    .invalid, expected: "a pack that the index lists", found: "none of that id",
                    at: "\(repository.location)/\(ObjectNames.pack(id))",
                    advice: "give the ids of packs that a check names; `repository repair index` makes the index complete first")
            }
            let bytes = (try? await files.store.get(ObjectNames.pack(id))) ?? []
            let whole = PackReading.readable(bytes, pack, files.key)
            for blob in pack.blobs where !index.contains(blob.key) && !saved.contains(blob.key) {
                guard whole.contains(blob.key) else { continue }
                saved.insert(blob.key)
                try await writer.add(sealed: Array(bytes[Int(blob.range.lowerBound)..<Int(blob.range.upperBound)]), blob)
            }
        }
        try await writer.finish()
        report.blobsSaved = saved.count
        let all = Set(indexes.values.joined().filter { damaged.contains($0.id) }.flatMap(\.blobs).map(\.key))
        report.blobsLost = all.filter { !saved.contains($0) && !index.contains($0) }.map(\.id.hex).sorted()
        let replaced = indexes.filter { $0.value.contains { damaged.contains($0.id) } }
        let others = IndexWriter(files: files)
        for pack in replaced.values.joined() where !damaged.contains(pack.id) { try await others.add(pack) }
        let written = Set(try await others.flushed())
        try await files.store.deleteAll(replaced.keys.filter { !written.contains($0) }.map { ObjectName(ObjectNames.index + $0.hex) })
        try await files.store.deleteAll(damaged.map { ObjectNames.pack($0) })
        report.packsRemoved = damaged.count
        return report
    }
}
