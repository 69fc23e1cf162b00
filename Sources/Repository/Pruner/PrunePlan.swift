import Basics

/// What a prune does with each pack: decided from lists alone, acted on elsewhere.
struct PrunePlan: Sendable {
    struct Pack: Sendable {
        var id: ObjectID
        /// Bytes in the store.
        var size: Int64
        /// Everything in it; empty for a pack in no index.
        var blobs: [PackedBlob]
        /// What is used and not taken from another pack.
        var used: [PackedBlob]
        var usedBytes: Int64 { used.reduce(0) { $0 + Int64($1.length) } }
        var unusedBytes: Int64 { size - usedBytes }
    }

    var keep: [Pack] = []
    var repack: [Pack] = []
    var remove: [Pack] = []

    /// A pack smaller than this is worth joining with others once there are `smallCount` of them.
    private static let smallBytes: Int64 = 4 << 20
    private static let smallCount = 10

    /// `indexed` holds each pack once; `stored` is what the store lists. Every used blob must be in a stored pack.
    /// `damaged` names blobs that must not be taken from a pack, because another has them whole. Without `repacks` a pack of which anything
    /// is used stays as it is: where the store keeps objects for a time, writing anew would only take more space.
    init(
        indexed: [ObjectID: [PackedBlob]], stored: [ObjectID: Int64], used: Set<BlobKey>, damaged: [ObjectID: Set<BlobKey>] = [:],
        maximumUnused: Percentage?, repacks: Bool = true
    ) {
        var partly: [Pack] = []
        // Each blob is taken from the pack that is used most, so that other copies make their packs removable.
        var missing = used
        let ordered = indexed.filter { stored[$0.key] != nil }
            .map { id, blobs in
                (id: id, blobs: blobs, useful: blobs.reduce(Int64(0)) { $0 + (used.contains($1.key) ? Int64($1.length) : 0) })
            }
            .sorted { ($0.useful, $0.id) > ($1.useful, $1.id) }
        for (id, blobs, _) in ordered {
            let bad = damaged[id] ?? []
            let pack = Pack(
                id: id, size: stored[id] ?? 0, blobs: blobs, used: blobs.filter { !bad.contains($0.key) && missing.remove($0.key) != nil })
            if pack.used.isEmpty {
                remove.append(pack)
            } else if pack.used.count == blobs.count, Set(blobs.map(\.key.kind)).count == 1 {
                keep.append(pack)
            } else if !bad.isEmpty {
                repack.append(pack)
            } else {
                partly.append(pack)
            }
        }
        for (id, size) in stored where indexed[id] == nil { remove.append(Pack(id: id, size: size, blobs: [], used: [])) }
        if repacks {
            tolerate(partly, maximumUnused)
            joinSmall()
        } else {
            keep += partly
        }
    }

    /// Leaves the least wasteful packs alone as long as the waste stays in bounds.
    private mutating func tolerate(_ partly: [Pack], _ maximumUnused: Percentage?) {
        let usedBytes = (keep + partly).reduce(Int64(0)) { $0 + $1.usedBytes }
        var allowed = Int64(Double(usedBytes) * (maximumUnused?.fraction ?? 0))
        for pack in partly.sorted(by: { Double($0.unusedBytes) / Double($0.size) < Double($1.unusedBytes) / Double($1.size) }) {
            let mixed = Set(pack.blobs.map(\.key.kind)).count > 1
            if !mixed, maximumUnused != nil, pack.unusedBytes <= allowed {
                allowed -= pack.unusedBytes
                keep.append(pack)
            } else {
                repack.append(pack)
            }
        }
    }

    private mutating func joinSmall() {
        for kind in [BlobKind.data, .tree] {
            let small = keep.filter { $0.size < Self.smallBytes && $0.blobs.first?.key.kind == kind }
            guard small.count >= Self.smallCount else { continue }
            let ids = Set(small.map(\.id))
            keep.removeAll { ids.contains($0.id) }
            repack += small
        }
    }

    var report: PruneReport {
        var report = PruneReport()
        report.packsKept = keep.count
        report.packsRemoved = remove.count
        report.packsRepacked = repack.count
        report.bytesRepacked = repack.reduce(0) { $0 + $1.usedBytes }
        report.bytesUnused = keep.reduce(0) { sum, pack in
            sum + (pack.used.count == pack.blobs.count ? 0 : pack.blobs.reduce(Int64(0)) { $0 + Int64($1.length) } - pack.usedBytes)
        }
        report.bytesReclaimed = (remove + repack).reduce(0) { $0 + $1.size } - report.bytesRepacked
        return report
    }
}
