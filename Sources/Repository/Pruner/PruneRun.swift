import Crypto
import Basics
import StorageKit

/// Carries a plan out in restic's order: new packs, then an index of them, then the old indexes, then the packs.
/// Whatever it is cut off between, the repository holds everything that snapshots use.
struct PruneRun {
    let repository: Repository
    let options: PruneOptions
    let files: SealedFiles

    init(_ repository: Repository, _ lock: RepositoryLock, options: PruneOptions) {
        self.repository = repository
        self.options = options
        files = repository.files(lock)
    }

    func run() async throws -> PruneReport {
        let snapshots = try await repository.loadSnapshots { throw $0 }
        var indexes: [ObjectID: [IndexedPack]] = [:]
        let ids = try await files.store.listIDs(ObjectNames.index).map(\.id)
        try await files.loadAll(ObjectNames.index, ids) { id, json in
            indexes[id] = try IndexFile(decoding: json, at: "\(repository.location)/index/\(id)").packs
        }
        let index = MasterIndex()
        var packs: [ObjectID: [PackedBlob]] = [:]
        for pack in indexes.values.joined() {
            guard let known = packs[pack.id] else {
                packs[pack.id] = pack.blobs
                index.add([pack])
                continue
            }
            // Which of them is right only the pack tells, and the wrong one may be the one that stays.
            guard Set(known) == Set(pack.blobs) else {
                throw RepositoryError.damaged(
                    "\(repository.location)/index", expected: "one description of pack \(pack.id)", found: "two that differ",
                    advice: RepositoryError.adviceToRepairIndex)
            }
        }
        var stored: [ObjectID: Int64] = [:]
        for (id, size) in try await files.store.listIDs(ObjectNames.data) { stored[id] = size }
        try requireSnapshots(snapshots, packs)
        let used = try await usedBlobs(snapshots, BlobLoader(store: files.store, key: repository.key, index: index))
        try requireAll(used, packs, stored)
        let damaged = try await damagedCopies(of: used, index, stored)
        let plan = PrunePlan(
            indexed: packs, stored: stored, used: used, damaged: damaged, maximumUnused: options.maximumUnused,
            repacks: !files.store.properties.retainsObjects)
        guard !options.dryRun else { return plan.report }
        try await requireSame(snapshots)
        let fresh = try await Repacking(files: files, key: repository.key, index: index, options: options).repack(plan.repack)
        let listed = try await replaceIndexes(indexes, plan, fresh)
        let leaving = plan.remove + plan.repack
        let retained = try await files.store.deleteUnlessRetained(
            leaving.filter { !listed.contains($0.id) }.map { ObjectNames.pack($0.id) })
        let gone = leaving.filter { !listed.contains($0.id) && !retained.contains(ObjectNames.pack($0.id)) }
        var report = plan.report
        report.packsRetained = leaving.count - gone.count
        report.packsRemoved = Set(gone.map(\.id)).intersection(plan.remove.map(\.id)).count
        report.bytesReclaimed = gone.reduce(0) { $0 + $1.size } - fresh.reduce(0) { $0 + $1.size }
        do {
            report.unfinished = try await files.store.removeUnfinished(olderThan: options.unfinishedAge)
        } catch let error as StorageError {
            report.unfinishedProblem = error
        }
        return report
    }

    /// A list that is empty by mistake, a server's or a person's, is the end of everything.
    private func requireSnapshots(_ snapshots: [Snapshot], _ packs: [ObjectID: [PackedBlob]]) throws {
        guard snapshots.isEmpty, !packs.isEmpty, !options.mayEmpty else { return }
        throw RepositoryError(
            .invalid, expected: "snapshots, in a repository with \(packs.count.counted("pack"))", found: "none", at: repository.location,
            advice:
                "see `snappy-flow snapshots list`; where every snapshot was removed on purpose, `snappy-flow repository prune --empty` removes what is left. Nothing was removed"
        )
    }

    /// Under the exclusive lock no snapshot comes or goes: a list that is another one now was wrong before, or is.
    private func requireSame(_ snapshots: [Snapshot]) async throws {
        let now = Set(try await files.store.listIDs(ObjectNames.snapshots).map(\.id.hex))
        guard now != Set(snapshots.map(\.id)) else { return }
        throw RepositoryError(
            .damaged, expected: "the same \(snapshots.count.counted("snapshot")) as a moment ago", found: "\(now.count)",
            at: repository.location,
            advice: "the store's lists can't be trusted, or somebody removes snapshots without a lock; nothing was removed",
            retry: .transient)
    }

    /// What snapshots use. A tree that can't be read ends the prune: nothing may go while that is unknown.
    private func usedBlobs(_ snapshots: [Snapshot], _ loader: BlobLoader) async throws -> Set<BlobKey> {
        let walk = UsedBlobs(loader: loader)
        for snapshot in snapshots { try await walk.add(try snapshot.treeID()) }
        if let problem = walk.problems.first { throw problem.error }
        return walk.used
    }

    private func requireAll(_ used: Set<BlobKey>, _ packs: [ObjectID: [PackedBlob]], _ stored: [ObjectID: Int64]) throws {
        var missing = used
        for (id, blobs) in packs {
            guard let size = stored[id] else { continue }
            guard size == IndexedPack(id: id, blobs: blobs).size else {
                throw RepositoryError.damaged(
                    "\(repository.location)/\(ObjectNames.pack(id))", expected: (IndexedPack(id: id, blobs: blobs).size).counted("byte"),
                    found: size.counted("byte"), advice: RepositoryError.advice(repairing: id))
            }
            for blob in blobs { missing.remove(blob.key) }
        }
        guard let first = missing.first else { return }
        if let pack = packs.first(where: { $0.value.contains { $0.key == first } }) {
            throw RepositoryError.missing(pack: pack.key, at: repository.location)
        }
        throw RepositoryError(
            .missingBlob, expected: "\(first.kind) blob \(first.id), which a snapshot uses", found: "none (of \(missing.count))",
            at: repository.location,
            advice: "nothing was removed; `snappy-flow repository check` says what to do")
    }

    /// Where a used blob is stored more than once, which of its copies are damaged: the whole one must be the one that stays.
    private func damagedCopies(of used: Set<BlobKey>, _ index: MasterIndex, _ stored: [ObjectID: Int64]) async throws -> [ObjectID: Set<
        BlobKey
    >] {
        var damaged: [ObjectID: Set<BlobKey>] = [:]
        let decoder = BlobDecoder(repository.key)
        for key in used {
            let places = index.locations(of: key).filter { stored[$0.pack] != nil }
            guard places.count > 1 else { continue }
            for (pack, place) in places {
                let sealed = try await files.store.get(ObjectNames.pack(pack), range: place.range)
                // That a seal is right says that we wrote it, not that it is this blob.
                if !decoder.proves(sealed, place, in: pack) { damaged[pack, default: []].insert(key) }
            }
            guard places.contains(where: { damaged[$0.pack]?.contains(key) != true }) else {
                throw RepositoryError.damaged(
                    "\(repository.location)/data", expected: "a whole copy of \(key.kind) blob \(key.id)",
                    found: places.count.counted("damaged one"), advice: RepositoryError.advice(repairing: places[0].pack))
            }
        }
        return damaged
    }

    /// New index files for everything that stays out of the files that must go; those go once the new ones are durable. Returns the packs that
    /// are listed still, in an index that the store keeps for a time: they must outlive it.
    private func replaceIndexes(
        _ indexes: [ObjectID: [IndexedPack]], _ plan: PrunePlan, _ fresh: [IndexedPack]
    ) async throws -> Set<ObjectID> {
        let staying = Set(plan.keep.map(\.id))
        var seen: Set<ObjectID> = []
        var replaced: [ObjectID] = []
        var carried: [IndexedPack] = []
        for (id, packs) in indexes.sorted(by: { $0.key < $1.key }) {
            // An index of which every pack stays, and is in no other, is good as it is.
            if packs.allSatisfy({ staying.contains($0.id) && !seen.contains($0.id) }), Set(packs.map(\.id)).count == packs.count {
                seen.formUnion(packs.map(\.id))
            } else {
                replaced.append(id)
            }
        }
        for id in replaced {
            for pack in indexes[id] ?? [] where staying.contains(pack.id) && seen.insert(pack.id).inserted { carried.append(pack) }
        }
        let writer = IndexWriter(files: files)
        for pack in carried + fresh { try await writer.add(pack) }
        try await writer.flush()
        func name(_ id: ObjectID) -> ObjectName { ObjectName(ObjectNames.index + id.hex) }
        let retained = try await files.store.deleteUnlessRetained(replaced.map(name))
        return Set(replaced.filter { retained.contains(name($0)) }.flatMap { indexes[$0] ?? [] }.map(\.id))
    }
}
