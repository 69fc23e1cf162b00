import Crypto
import StorageKit

/// Hashes, looks up, compresses and seals blobs with contexts of its own; used by one thread at a time.
final class BlobSaver {
    let counters: ArchiveCounters
    private let index: MasterIndex
    private let packs: PackAssembler
    private let worker: Int
    private let hash = SHA256()
    private let sealer: Sealer
    private let compressor: Compressor?

    /// `compressor` is nil for a repository of version 1.
    init(key: SealKey, index: MasterIndex, packs: PackAssembler, worker: Int, counters: ArchiveCounters, compressor: Compressor?) {
        self.index = index
        self.packs = packs
        self.worker = worker
        self.counters = counters
        self.compressor = compressor
        sealer = Sealer(key)
    }

    /// Stores a blob unless it is known, and names it.
    func save(_ kind: BlobKind, _ plain: UnsafeRawBufferPointer) throws -> ObjectID {
        let key = BlobKey(kind: kind, id: kind == .tree ? hash.digest(plain) : packs.digest(plain, worker: worker, hash))
        if index.claim(key) { try add(key, plain) }
        return key.id
    }

    /// Stores a blob whose name is known, unless it is there: `content` is asked for then only.
    func save(_ kind: BlobKind, named id: ObjectID, _ content: () -> [UInt8]) throws {
        let key = BlobKey(kind: kind, id: id)
        if index.claim(key) { try content().withUnsafeBytes { try add(key, $0) } }
    }

    private func add(_ key: BlobKey, _ plain: UnsafeRawBufferPointer) throws {
        let kind = key.kind
        // Trees are always stored compressed: restic's prune rewrites those that are not.
        if let compressor, kind == .tree || isWorthCompressing(plain, compressor),
            case let packed = compressor.compress(plain), kind == .tree || packed.count < plain.count - plain.count / 32
        {
            try packs.add(key, packed, plainLength: plain.count, worker: worker, sealer)
            counters.blobAdded(kind, plain: plain.count, sealed: packed.count + Sealer.overhead)
        } else {
            try packs.add(key, plain, plainLength: 0, worker: worker, sealer)
            counters.blobAdded(kind, plain: plain.count, sealed: plain.count + Sealer.overhead)
        }
    }

    /// Probes a long blob in three places: what is compressed or encrypted already costs no more than that.
    private func isWorthCompressing(_ plain: UnsafeRawBufferPointer, _ compressor: Compressor) -> Bool {
        let probe = 16 << 10
        guard plain.count > 16 * probe else { return true }
        return [0, plain.count / 2, plain.count - probe].contains { start in
            compressor.compress(UnsafeRawBufferPointer(rebasing: plain[start..<start + probe])).count < probe - probe / 32
        }
    }

    func saveTree(_ nodes: [Node]) throws -> ObjectID { try Tree.encode(nodes).withUnsafeBytes { try save(.tree, $0) } }

    /// Works through one buffer.
    func save(_ buffer: ReadBuffer) throws {
        for piece in buffer.pieces {
            let id = try save(.data, UnsafeRawBufferPointer(rebasing: buffer.bytes[piece.range]))
            try piece.file.complete(piece.index, id, self)
        }
    }
}
