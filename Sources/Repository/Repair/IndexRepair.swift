import Crypto
public import FlowModel
import StorageKit

/// What a repair of the index found and did.
public struct IndexRepairReport: Sendable {
    public var packs = 0
    /// Packs that were in no index, or not as they are.
    public var packsAdded = 0
    /// Packs that the index listed and that are not there, or not of the right size.
    public var packsDropped: [String] = []
    /// Index objects that could not be read.
    public var indexesDamaged = 0
    /// Packs whose header can't be read; they stay where they are, in no index.
    public var packsUnreadable: [any ExplainedError] = []
    /// False when the index was right as it was.
    public var isNeeded = false
    /// Index objects that new ones take the place of.
    public var indexesReplaced = 0
}

/// Makes the index say what the packs hold. No pack is changed or removed.
///
/// What the index says rightly is kept; the header of every other pack is read. The new index is durable before the old goes.
struct IndexRepair {
    let repository: Repository
    let files: SealedFiles
    let readsEveryPack: Bool
    let dryRun: Bool
    let progress: (@Sendable (Int, Int) -> Void)?

    func run() async throws -> IndexRepairReport {
        var report = IndexRepairReport()
        var stored: [ObjectID: Int64] = [:]
        for (id, size) in try await files.store.listIDs(ObjectNames.data) { stored[id] = size }
        report.packs = stored.count
        let ids = try await files.store.listIDs(ObjectNames.index).map(\.id)
        var known: [ObjectID: [PackedBlob]] = [:]
        var (doubtful, repeated): (Set<ObjectID>, Bool) = ([], false)
        try await files.loadEach(ObjectNames.index, ids) { id, json in
            do {
                for pack in try IndexFile(decoding: try json.get(), at: "\(repository.location)/index/\(id)").packs {
                    if let before = known[pack.id] {
                        repeated = true
                        if Set(before) != Set(pack.blobs) { doubtful.insert(pack.id) }
                    }
                    known[pack.id] = pack.blobs
                }
            } catch let error as any ExplainedError {
                guard error.isDamage else { throw error }
                report.indexesDamaged += 1
            }
        }
        var right: [IndexedPack] = []
        var unknown: [(id: ObjectID, size: Int64)] = []
        for (id, size) in stored.sorted(by: { $0.key < $1.key }) {
            if !readsEveryPack, !doubtful.contains(id), let blobs = known[id], case let pack = IndexedPack(id: id, blobs: blobs),
                pack.size == size
            {
                right.append(pack)
            } else {
                unknown.append((id, size))
            }
        }
        let read = try await headers(of: unknown, &report)
        report.packsDropped = known.keys.filter { id in stored[id] == nil }.map(\.hex).sorted()
        report.packsAdded = read.filter { known[$0.id].map(Set.init) != Set($0.blobs) }.count
        let lost = known.keys.contains { id in !right.contains { $0.id == id } && !read.contains { $0.id == id } }
        guard report.packsAdded > 0 || report.indexesDamaged > 0 || lost || repeated else { return report }
        report.isNeeded = true
        report.indexesReplaced = ids.count
        guard !dryRun else { return report }
        let writer = IndexWriter(files: files)
        for pack in right + read { try await writer.add(pack) }
        let written = Set(try await writer.flushed())
        try await files.store.deleteAll(ids.filter { !written.contains($0) }.map { ObjectName(ObjectNames.index + $0.hex) })
        return report
    }

    private func headers(of packs: [(id: ObjectID, size: Int64)], _ report: inout IndexRepairReport) async throws -> [IndexedPack] {
        var found: [IndexedPack] = []
        try await withThrowingTaskGroup(of: Result<IndexedPack, any Error>.self) { group in
            var rest = packs[...]
            for _ in 0...files.store.properties.connections {
                if let pack = rest.popFirst() { group.addTask { await header(of: pack.id, pack.size) } }
            }
            var done = 0
            while let result = try await group.next() {
                try Task.checkCancellation()
                switch result {
                case .success(let pack): found.append(pack)
                case .failure(let error as any ExplainedError) where error.isDamage: report.packsUnreadable.append(error)
                case .failure(let error): throw error
                }
                done += 1
                progress?(done, packs.count)
                if let pack = rest.popFirst() { group.addTask { await header(of: pack.id, pack.size) } }
            }
        }
        return found
    }

    /// The blobs that a pack's own header names.
    private func header(of id: ObjectID, _ size: Int64) async -> Result<IndexedPack, any Error> {
        let name = ObjectNames.pack(id)
        let location = "\(repository.location)/\(name)"
        do {
            guard size > 4 else { throw RepositoryError.damaged(location, expected: "a pack", found: "\(size) bytes") }
            let length = try await files.store.get(name, range: size - 4..<size).withUnsafeBytes {
                Int64(UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)))
            }
            guard length >= Int64(Sealer.overhead), length <= Int64(PackHeader.maximumBytes), length + 4 <= size else {
                throw RepositoryError.damaged(location, expected: "a header within the pack", found: "a length of \(length)")
            }
            let sealed = try await files.store.get(name, range: size - 4 - length..<size - 4)
            let plain = try sealed.withUnsafeBytes { try Sealer(files.key).open($0) }
            let pack = IndexedPack(id: id, blobs: try PackHeader.decode(plain, at: location))
            guard pack.size == size else {
                throw RepositoryError.damaged(location, expected: "\(pack.size) bytes, as its header says", found: "\(size) bytes")
            }
            return .success(pack)
        } catch {
            return .failure(error)
        }
    }
}
