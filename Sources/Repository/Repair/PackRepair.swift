import Crypto
import Basics
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
/// What was in them is told by every index and by their own headers, and proved by reading. The new packs and their index are durable before the old
/// index and the damaged packs go.
struct PackRepair {
    let repository: Repository
    let files: SealedFiles

    func run(_ damaged: Set<ObjectID>) async throws -> PackRepairReport {
        let indexes = try await readIndexes()
        let evidence = PackEvidence(store: files.store, key: files.key)
        var findings: [PackEvidence.Findings] = []
        var writer = PackWriter(files: files)
        var saved: Set<BlobKey> = []
        for id in damaged.sorted() {
            let said = Set(indexes.values.joined().filter { $0.id == id }.flatMap(\.blobs))
            var found = try await evidence.findings(in: id, said: said)
            guard !found.claims.isEmpty else { throw unknown(id, found) }
            // What another pack is said to hold is saved too: it may not. A prune removes what is there twice.
            for (blob, sealed) in found.whole where saved.insert(blob.key).inserted { try await writer.add(sealed: sealed, blob) }
            found.whole = []
            findings.append(found)
        }
        try await writer.finish()
        var report = PackRepairReport()
        report.blobsSaved = saved.count
        report.blobsLost = try await lost(findings, saved, indexes, damaged)
        let replaced = indexes.filter { $0.value.contains { damaged.contains($0.id) } }
        let others = IndexWriter(files: files)
        for pack in replaced.values.joined() where !damaged.contains(pack.id) { try await others.add(pack) }
        let written = Set(try await others.flushed())
        try await files.store.deleteAll(replaced.keys.filter { !written.contains($0) }.map { ObjectName(ObjectNames.index + $0.hex) })
        try await files.store.deleteAll(damaged.map { ObjectNames.pack($0) })
        report.packsRemoved = damaged.count
        return report
    }

    private func readIndexes() async throws -> [ObjectID: [IndexedPack]] {
        var indexes: [ObjectID: [IndexedPack]] = [:]
        let ids = try await files.store.listIDs(ObjectNames.index).map(\.id)
        try await files.loadAll(ObjectNames.index, ids) { id, json in
            indexes[id] = try IndexFile(decoding: json, at: "\(repository.location)/index/\(id)").packs
        }
        return indexes
    }

    /// What was in the damaged packs and is whole nowhere.
    private func lost(
        _ findings: [PackEvidence.Findings], _ saved: Set<BlobKey>, _ indexes: [ObjectID: [IndexedPack]], _ damaged: Set<ObjectID>
    ) async throws -> [String] {
        let rest = MasterIndex()
        rest.add(indexes.values.joined().filter { !damaged.contains($0.id) })
        let loader = BlobLoader(store: files.store, key: files.key, index: rest)
        var lost: [String] = []
        for key in Set(findings.flatMap(\.claims).map(\.key)).subtracting(saved) {
            do { try await loader.prove(key) } catch is RepositoryError { lost.append(key.id.hex) }
        }
        return lost.sorted()
    }

    /// Nothing tells what such a pack holds: to remove it would be to give up what another index may know.
    private func unknown(_ id: ObjectID, _ found: PackEvidence.Findings) -> RepositoryError {
        RepositoryError(
            .invalid, expected: "a pack that an index lists, or whose own header says what is in it",
            found: found.isThere ? "one that no index lists, and a header that can't be read" : "none of that id",
            at: "\(repository.location)/\(ObjectNames.pack(id))",
            advice: found.isThere
                ? "put the pack, or the index that listed it, back from another copy of the repository; where there is none, a prune removes it"
                : "give the ids of packs that a check names")
    }
}
