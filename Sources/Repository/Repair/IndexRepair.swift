import Crypto
public import Basics
import StorageKit

/// What a repair of the index found and did.
public struct IndexRepairReport: Sendable {
    public var packs = 0
    /// Packs that were in no index, or not as they are.
    public var packsAdded = 0
    /// Packs that the index listed and that are not there: their ids.
    public var packsDropped: [String] = []
    /// Packs that are damaged and hold something whole, which is listed: their ids. `repairPacks` saves it.
    public var packsDamaged: [String] = []
    /// Index objects that could not be read.
    public var indexesDamaged = 0
    /// Packs of which nothing is known to be whole; they stay where they are, in no index.
    public var packsUnreadable: [any ExplainedError] = []
    /// False when the index was right as it was.
    public var isNeeded = false
    /// Index objects that new ones take the place of.
    public var indexesReplaced = 0
}

/// Makes the index say what the packs hold. No pack is changed or removed, and nothing that is whole is forgotten.
///
/// What the index says rightly is kept; the header of every other pack is read. Where that can't be, or says something else, what the old indexes
/// name is looked for in the pack itself. The new index is durable before the old goes.
struct IndexRepair {
    let repository: Repository
    let files: SealedFiles
    let readsEveryPack: Bool
    let dryRun: Bool
    let progress: (@Sendable (Int, Int) -> Void)?

    private var evidence: PackEvidence { PackEvidence(store: files.store, key: files.key) }

    func run() async throws -> IndexRepairReport {
        var report = IndexRepairReport()
        let ids = try await files.store.listIDs(ObjectNames.index).map(\.id)
        let known = try await read(ids, &report)
        let stored = try await stored(besides: known.packs.keys)
        report.packs = stored.count
        var listed: [IndexedPack] = []
        var unknown: [(id: ObjectID, size: Int64)] = []
        for (id, size) in stored.sorted(by: { $0.key < $1.key }) {
            let descriptions = known.packs[id] ?? []
            if !readsEveryPack, descriptions.count == 1, let blobs = descriptions.first, case let pack = IndexedPack(id: id, blobs: blobs),
                pack.size == size
            {
                listed.append(pack)
            } else {
                unknown.append((id, size))
            }
        }
        listed += try await lookInto(unknown, known.packs, &report)
        report.packsDropped = known.packs.keys.filter { stored[$0] == nil }.map(\.hex).sorted()
        let before = known.packs.mapValues { $0.map(Set.init) }
        let added = listed.filter { before[$0.id]?.contains(Set($0.blobs)) != true }.count
        report.packsAdded = added
        let isForgotten = !Set(known.packs.keys).isSubset(of: listed.map(\.id))
        guard added > 0 || report.indexesDamaged > 0 || isForgotten || known.isUntidy else { return report }
        report.isNeeded = true
        report.indexesReplaced = ids.count
        guard !dryRun else { return report }
        let writer = IndexWriter(files: files)
        for pack in listed { try await writer.add(pack) }
        let written = Set(try await writer.flushed())
        try await files.store.deleteAll(ids.filter { !written.contains($0) }.map { ObjectName(ObjectNames.index + $0.hex) })
        return report
    }

    /// What the indexes say of each pack; several lists where they contradict each other. Untidy: not to be left as they are, though they are read.
    private func read(
        _ ids: [ObjectID], _ report: inout IndexRepairReport
    ) async throws -> (packs: [ObjectID: [[PackedBlob]]], isUntidy: Bool) {
        var known: [ObjectID: [[PackedBlob]]] = [:]
        var isRepeated = false
        var damaged: [ObjectID] = []
        func take(_ id: ObjectID, _ json: [UInt8]) throws {
            for pack in try IndexFile(decoding: json, at: "\(repository.location)/index/\(id)").packs {
                let before = known[pack.id] ?? []
                isRepeated = isRepeated || !before.isEmpty
                if !before.contains(where: { Set($0) == Set(pack.blobs) }) { known[pack.id] = before + [pack.blobs] }
            }
        }
        try await files.loadEach(ObjectNames.index, ids) { id, json in
            do { try take(id, try json.get()) } catch let error as any ExplainedError where error.isDamage { damaged.append(id) }
        }
        // They are removed for good: what was read badly once is read again, and what was too much for all together may do by itself.
        let (count, before) = (damaged.count, damaged)
        damaged = []
        try await files.loadEach(ObjectNames.index, before) { id, json in
            do { try take(id, try json.get()) } catch let error as any ExplainedError where error.isDamage { damaged.append(id) }
        }
        report.indexesDamaged = damaged.count
        return (known, isRepeated || count > damaged.count)
    }

    /// The packs that are there. One that an index lists and the store's list does not is asked for by its name: lists have been wrong.
    private func stored(besides listed: some Sequence<ObjectID>) async throws -> [ObjectID: Int64] {
        var stored: [ObjectID: Int64] = [:]
        for (id, size) in try await files.store.listIDs(ObjectNames.data) { stored[id] = size }
        for id in listed where stored[id] == nil {
            if let found = try await files.store.stat(ObjectNames.pack(id)) { stored[id] = found.size }
        }
        return stored
    }

    /// What is to be listed of packs that the index does not describe, or not as they are.
    private func lookInto(
        _ packs: [(id: ObjectID, size: Int64)], _ known: [ObjectID: [[PackedBlob]]], _ report: inout IndexRepairReport
    ) async throws -> [IndexedPack] {
        var listed: [IndexedPack] = []
        for (id, header) in try await evidence.headers(of: packs, progress) {
            let said = Set((known[id] ?? []).joined())
            if case .success(let blobs) = header, said.isSubset(of: blobs) {
                listed.append(IndexedPack(id: id, blobs: blobs))
                continue
            }
            let found = try await evidence.findings(in: id, said: said)
            if case .success(let blobs) = header, Set(blobs) == Set(found.blobs) {
                listed.append(IndexedPack(id: id, blobs: blobs))
            } else if found.whole.isEmpty {
                report.packsUnreadable.append(unreadable(id, header, said))
            } else {
                report.packsDamaged.append(id.hex)
                listed.append(IndexedPack(id: id, blobs: found.blobs))
            }
        }
        return listed
    }

    private func unreadable(_ id: ObjectID, _ header: Result<[PackedBlob], any Error>, _ said: Set<PackedBlob>) -> RepositoryError {
        var (location, found) = ("\(repository.location)/\(ObjectNames.pack(id))", "nothing of what its header names")
        if case .failure(let error as any ExplainedError) = header { (location, found) = (error.location, error.found) }
        return .damaged(
            location, expected: said.isEmpty ? "a pack whose header says what is in it" : "something whole of what the index listed",
            found: found,
            advice:
                "put the pack back from another copy of the repository, then run `snappy-flow repository repair index`; where there is none, its content is lost, and a prune removes it"
        )
    }
}
