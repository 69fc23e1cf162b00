import Crypto
import Basics
import Foundation
import StorageKit
import Synchronization
import Threads

/// One check: lists and sizes, then trees, then as much of the packs as asked for.
final class CheckRun: Sendable {
    private let repository: Repository
    private let options: CheckOptions
    private let pool: BlockingPool
    private let state = Mutex(State())

    private struct State {
        var report = CheckReport()
        var progress = CheckProgress()
        /// Blobs that can't be read from some pack, with the pack.
        var unreadable: [BlobKey: ObjectID] = [:]
    }

    init(_ repository: Repository, options: CheckOptions) {
        self.repository = repository
        self.options = options
        pool = BlockingPool(label: "check", width: max(ProcessInfo.processInfo.activeProcessorCount, 1))
    }

    func run() async throws -> CheckReport {
        let snapshots: [Snapshot] = if let one = options.snapshot { [one] } else { try await readSnapshots() }
        let indexes = try await readIndexes()
        let index = MasterIndex()
        index.add(indexes)
        let packs = merge(indexes)
        let loader = BlobLoader(store: repository.store, key: repository.key, index: index)
        let walk = UsedBlobs(loader: loader)
        for snapshot in snapshots {
            do {
                try await walk.add(try snapshot.treeID())
            } catch let error as RepositoryError {
                report(.damage, error)
            }
        }
        for (key, error) in walk.problems where index.contains(key) { note(key, error) }
        for error in walk.wrongSizes { report(.damage, error) }
        var stored: [ObjectID: Int64] = [:]
        for (id, size) in try await repository.store.listIDs(ObjectNames.data) { stored[id] = size }
        let wanted = options.snapshot == nil ? packs : packs.filter { $0.value.contains { walk.used.contains($0.key) } }
        comparePacks(wanted, stored, complete: options.snapshot == nil)
        try await readData(wanted, only: options.snapshot == nil ? nil : walk.used)
        if walk.unlistedMore > 0 {
            report(
                .damage,
                RepositoryError(
                    .missingBlob, expected: "an index that lists what snapshots use",
                    found: "\(walk.unlistedMore.counted("more name")) of blobs that it does not list", at: repository.location,
                    advice: RepositoryError.adviceToRepairIndex))
        }
        try await noteMissing(walk.used.filter { !index.contains($0) }, stored, packs)
        try await settleUnreadable(loader)
        if let snapshot = options.snapshot { try await findPaths(snapshot, loader, hasWrongSizes: !walk.wrongSizes.isEmpty) }
        return state.withLock { state in
            state.report.snapshots = snapshots.count
            state.report.packs = wanted.count
            state.report.blobs = options.snapshot == nil ? packs.reduce(0) { $0 + $1.value.count } : walk.used.count
            state.report.packsRead = state.progress.packsRead
            state.report.bytesRead = state.progress.bytesRead
            return state.report
        }
    }

    private func report(_ severity: CheckProblem.Severity, _ error: any ExplainedError) {
        state.withLock { $0.report.problems.append(CheckProblem(severity: severity, error: error)) }
    }

    private func note(_ key: BlobKey, _ error: any ExplainedError) {
        state.withLock { state in
            guard state.report.damagedBlobs.insert(key.id.hex).inserted else { return }
            state.report.problems.append(CheckProblem(severity: .damage, error: error))
        }
    }

    private func readSnapshots() async throws -> [Snapshot] { try await repository.loadSnapshots { report(.damage, $0) } }

    private func readIndexes() async throws -> [IndexedPack] {
        var packs: [IndexedPack] = []
        let ids = try await repository.store.listIDs(ObjectNames.index).map(\.id)
        try await repository.files.loadEach(ObjectNames.index, ids) { id, json in
            do {
                packs += try IndexFile(decoding: try json.get(), at: "\(repository.location)/index/\(id)").packs
            } catch let error as any ExplainedError where error.isDamage {
                report(.damage, error)
            }
        }
        return packs
    }

    /// One entry a pack; contradictions between indexes are damage, repetitions a hint.
    private func merge(_ indexes: [IndexedPack]) -> [ObjectID: [PackedBlob]] {
        var packs: [ObjectID: [PackedBlob]] = [:]
        for pack in indexes {
            guard let known = packs[pack.id] else {
                packs[pack.id] = pack.blobs
                continue
            }
            if Set(known) == Set(pack.blobs) {
                report(
                    .hint,
                    RepositoryError(
                        .damaged, expected: "pack \(pack.id) in one index", found: "it in several", at: repository.location,
                        advice: "a prune puts it right"))
            } else {
                report(
                    .damage,
                    RepositoryError.damaged(
                        "\(repository.location)/index", expected: "one description of pack \(pack.id)", found: "two that differ",
                        advice: RepositoryError.adviceToRepairIndex))
            }
        }
        return packs
    }

    /// Blobs that snapshots use and no index lists. A pack that no index lists may have them, or one that is not what the index says.
    private func noteMissing(_ missing: Set<BlobKey>, _ stored: [ObjectID: Int64], _ listed: [ObjectID: [PackedBlob]]) async throws {
        guard !missing.isEmpty else { return }
        let damaged = state.withLock { $0.report.damagedPacks }
        let doubtful = stored.filter { listed[$0.key] == nil || damaged.contains($0.key.hex) }
        var advice: [BlobKey: String] = [:]
        let evidence = PackEvidence(store: repository.store, key: repository.key)
        for (id, header) in try await evidence.headers(of: doubtful.map { ($0.key, $0.value) }) {
            guard case .success(let blobs) = header else { continue }
            let step = listed[id] == nil ? RepositoryError.adviceToRepairIndex : RepositoryError.advice(repairing: id)
            for blob in blobs { advice[blob.key] = step }
        }
        for key in missing {
            note(
                key,
                RepositoryError(
                    .missingBlob, expected: "\(key.kind) blob \(key.id), which a snapshot uses", found: "none in the index",
                    at: repository.location, advice: advice[key] ?? RepositoryError.adviceOnLoss))
        }
    }

    private func comparePacks(_ packs: [ObjectID: [PackedBlob]], _ stored: [ObjectID: Int64], complete: Bool) {
        for (id, blobs) in packs {
            let expected = IndexedPack(id: id, blobs: blobs).size
            guard let size = stored[id] else {
                damage(id, blobs, RepositoryError.missing(pack: id, at: repository.location))
                continue
            }
            guard size == expected else {
                damage(
                    id, blobs,
                    RepositoryError.damaged(
                        "\(repository.location)/\(ObjectNames.pack(id))", expected: expected.counted("byte"), found: size.counted("byte"),
                        advice: RepositoryError.advice(repairing: id)))
                continue
            }
        }
        guard complete else { return }
        for id in stored.keys where packs[id] == nil {
            report(
                .hint,
                RepositoryError(
                    .damaged, expected: "every pack in an index", found: "pack \(id) in none", at: repository.location,
                    advice: "left by a run that was cut off; a prune removes it when nothing needs it"))
        }
    }

    private func damage(_ pack: ObjectID, _ blobs: [PackedBlob], _ error: any ExplainedError) {
        state.withLock { state in
            guard state.report.damagedPacks.insert(pack.hex).inserted else { return }
            state.report.problems.append(CheckProblem(severity: .damage, error: error))
            for blob in blobs { state.unreadable[blob.key] = pack }
        }
    }

    private func readData(_ packs: [ObjectID: [PackedBlob]], only used: Set<BlobKey>?) async throws {
        let bad = state.withLock { $0.report.damagedPacks }
        var chosen = packs.filter { !bad.contains($0.key.hex) }
        switch options.read {
        case .metadata: return
        case .all: break
        case .sample(let share):
            let count = max(Int((Double(chosen.count) * share.fraction).rounded(.up)), min(1, chosen.count))
            chosen = Dictionary(uniqueKeysWithValues: chosen.shuffled().prefix(count).map { ($0.key, $0.value) })
        }
        let bytes = chosen.reduce(UInt64(0)) { $0 + UInt64(IndexedPack(id: $1.key, blobs: $1.value).size) }
        state.withLock { state in
            state.progress.packsToRead = UInt64(chosen.count)
            state.progress.bytesToRead = bytes
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            var rest = chosen.map { IndexedPack(id: $0.key, blobs: $0.value) }[...]
            for _ in 0...repository.store.properties.connections {
                if let pack = rest.popFirst() { group.addTask { try await self.readPack(pack, only: used) } }
            }
            while try await group.next() != nil {
                if let pack = rest.popFirst() { group.addTask { try await self.readPack(pack, only: used) } }
            }
        }
    }

    /// Reads a pack whole: its own hash, its header against the index, every blob opened, decompressed and hashed.
    private func readPack(_ pack: IndexedPack, only used: Set<BlobKey>?) async throws {
        try Task.checkCancellation()
        let name = ObjectNames.pack(pack.id)
        let location = "\(repository.location)/\(name)"
        let bytes: [UInt8]
        do {
            bytes = try await repository.store.get(name)
        } catch let error as StorageError where [.notFound, .truncated, .failed, .accessDenied].contains(error.kind) {
            damage(pack.id, pack.blobs, error)
            return
        }
        try await pool.run { [self] in
            if let problem = PackReading.problem(bytes, pack, location, repository.key) {
                let whole = PackReading.readable(bytes, pack, repository.key)
                damage(pack.id, pack.blobs.filter { !whole.contains($0.key) && used?.contains($0.key) ?? true }, problem)
            }
        }
        let progress = state.withLock { state in
            state.progress.packsRead += 1
            state.progress.bytesRead += UInt64(bytes.count)
            return state.progress
        }
        options.progress?(progress)
    }

    /// A blob that is damaged in one pack may be whole in another.
    private func settleUnreadable(_ loader: BlobLoader) async throws {
        for (key, _) in state.withLock({ $0.unreadable }) {
            do { try await loader.prove(key) } catch let error as RepositoryError { note(key, error) }
        }
    }

    private func findPaths(_ snapshot: Snapshot, _ loader: BlobLoader, hasWrongSizes: Bool) async throws {
        let damaged = state.withLock { Set($0.report.damagedBlobs.compactMap { ObjectID(hex: $0) }) }
        guard !damaged.isEmpty || hasWrongSizes else { return }
        var paths = DamagedPaths(loader: loader, damaged: damaged)
        try await paths.walk(below: try snapshot.treeID())
        if !paths.isAll {
            report(
                .damage,
                RepositoryError.damaged(
                    "snapshot \(snapshot.id.prefix(8))", expected: "damage that can be listed",
                    found: "more than \(paths.found.count.counted("path")) that can't be restored; the first of them are named"))
        }
        state.withLock { $0.report.damagedPaths = paths.found.sorted() }
    }
}
