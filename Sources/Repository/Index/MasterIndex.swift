import Synchronization

/// Every blob of a repository by name: about 70 bytes a blob. Thread-safe.
final class MasterIndex: Sendable {
    fileprivate struct Entry {
        var pack: UInt32
        var offset: UInt32
        var length: UInt32
        var plainLength: UInt32
    }

    private struct State {
        var packs: [ObjectID] = []
        var entries: [BlobKey: Entry] = [:]
        /// Further copies of a blob, which stand in when the first is damaged.
        var copies: [BlobKey: [Entry]] = [:]
        /// Blobs of which indexes name several sizes: only the blob itself tells.
        var doubtful: Set<BlobKey> = []
        /// Blobs that this run stores.
        var claimed: Set<BlobKey> = []
    }

    private let state = Mutex(State())

    func add(_ packs: [IndexedPack]) {
        state.withLock { state in
            for pack in packs {
                let number = UInt32(state.packs.count)
                state.packs.append(pack.id)
                for blob in pack.blobs {
                    let entry = Entry(pack: number, offset: blob.offset, length: blob.length, plainLength: blob.plainLength)
                    guard let first = state.entries[blob.key] else {
                        state.entries[blob.key] = entry
                        continue
                    }
                    state.copies[blob.key, default: []].append(entry)
                    if PackedBlob(first, blob.key).size != blob.size { state.doubtful.insert(blob.key) }
                }
            }
        }
    }

    /// Blobs.
    var count: Int { state.withLock { $0.entries.count } }

    func contains(_ key: BlobKey) -> Bool { state.withLock { $0.entries[key] != nil } }

    /// Whether all of a file's blobs are stored.
    func containsAll(_ ids: [ObjectID]) -> Bool {
        state.withLock { state in ids.allSatisfy { state.entries[BlobKey(kind: .data, id: $0)] != nil } }
    }

    /// Bytes of a file of these blobs; nil where one of them is not stored, or indexes differ about one.
    func length(of ids: [ObjectID]) -> UInt64? {
        state.withLock { state in
            var bytes: UInt64 = 0
            for id in ids {
                let key = BlobKey(kind: .data, id: id)
                guard let entry = state.entries[key], state.doubtful.isEmpty || !state.doubtful.contains(key) else { return nil }
                bytes += UInt64(PackedBlob(entry, key).size)
            }
            return bytes
        }
    }

    /// True for the one caller that has to store the blob.
    func claim(_ key: BlobKey) -> Bool {
        state.withLock { state in
            guard state.entries[key] == nil else { return false }
            return state.claimed.insert(key).inserted
        }
    }

    /// Every place where the blob is stored.
    func locations(of key: BlobKey) -> [(pack: ObjectID, blob: PackedBlob)] {
        state.withLock { state in
            guard let first = state.entries[key] else { return [] }
            return ([first] + (state.copies[key] ?? [])).map { (state.packs[Int($0.pack)], PackedBlob($0, key)) }
        }
    }

    /// Whether indexes name several sizes of it.
    func isDoubtful(_ key: BlobKey) -> Bool { state.withLock { $0.doubtful.contains(key) } }

    /// Bytes of each data blob once opened, by the first index that names it; those that are not stored are left out.
    func dataSizes(_ ids: [ObjectID]) -> [ObjectID: Int64] {
        state.withLock { state in
            var sizes: [ObjectID: Int64] = [:]
            for id in ids where sizes[id] == nil {
                let key = BlobKey(kind: .data, id: id)
                guard let entry = state.entries[key] else { continue }
                sizes[id] = Int64(PackedBlob(entry, key).size)
            }
            return sizes
        }
    }

    /// What all copies of all blobs take in the packs: bytes.
    var storedBytes: Int64 {
        state.withLock { state in
            let copies = state.copies.values.joined().reduce(Int64(0)) { $0 + Int64($1.length) }
            return state.entries.values.reduce(copies) { $0 + Int64($1.length) }
        }
    }
}

extension PackedBlob {
    fileprivate init(_ entry: MasterIndex.Entry, _ key: BlobKey) {
        self.init(key: key, offset: entry.offset, length: entry.length, plainLength: entry.plainLength)
    }
}
