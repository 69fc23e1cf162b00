import Crypto
import StorageKit

/// Stores blobs one after another in new packs and indexes them, a few packs at a time. Used by one task at a time.
struct PackWriter {
    private let files: SealedFiles
    private let sealer: Sealer
    private let compressor: Compressor?
    private let index: IndexWriter
    private var builders: [BlobKind: PackBuilder] = [:]
    private var packsSinceIndex = 0
    /// What was stored.
    private(set) var packs: [IndexedPack] = []

    /// So many packs, 256 MiB, are stored again at most when it is cut off.
    private static let packsPerIndex = 16

    init(files: SealedFiles) {
        self.files = files
        sealer = Sealer(files.key)
        compressor = files.compress ? Compressor() : nil
        index = IndexWriter(files: files)
    }

    /// Adds a blob that is sealed with the repository's own key.
    mutating func add(sealed: [UInt8], _ blob: PackedBlob) async throws {
        sealed.withUnsafeBytes { builder(blob.key.kind).add(sealed: $0, blob) }
        try await storeIfFull(blob.key.kind)
    }

    /// Adds a blob's content as it is to be stored: compressed where `plainLength` is not 0.
    mutating func add(_ key: BlobKey, _ content: [UInt8], plainLength: Int) async throws {
        content.withUnsafeBytes { builder(key.kind).add(key, $0, plainLength: plainLength, sealer) }
        try await storeIfFull(key.kind)
    }

    /// Adds a blob's plain bytes, compressed where the repository knows compression.
    mutating func add(whole key: BlobKey, _ plain: [UInt8]) async throws {
        guard let compressor else { return try await add(key, plain, plainLength: 0) }
        let packed = plain.withUnsafeBytes { Array(compressor.compress($0)) }
        try await add(key, packed, plainLength: plain.count)
    }

    /// Adds a tree; returns its id.
    mutating func add(_ tree: Tree) async throws -> ObjectID {
        let plain = tree.encoded
        let key = BlobKey(kind: .tree, id: SHA256.digest(plain))
        try await add(whole: key, plain)
        return key.id
    }

    private mutating func builder(_ kind: BlobKind) -> PackBuilder {
        if let open = builders[kind] { return open }
        let made = PackBuilder()
        builders[kind] = made
        return made
    }

    private mutating func storeIfFull(_ kind: BlobKind) async throws {
        guard let full = builders[kind], full.isFull else { return }
        builders[kind] = nil
        try await store(full)
        guard packsSinceIndex >= Self.packsPerIndex else { return }
        packsSinceIndex = 0
        try await index.flush()
    }

    private mutating func store(_ builder: PackBuilder) async throws {
        let pack = builder.finish(sealer)
        try await files.store.put(ObjectNames.pack(pack.index.id), pack.bytes)
        try await index.add(pack.index)
        packs.append(pack.index)
        packsSinceIndex += 1
    }

    /// Everything is stored and indexed when it returns.
    mutating func finish() async throws {
        for kind in [BlobKind.data, .tree] {
            if let open = builders.removeValue(forKey: kind), !open.isEmpty { try await store(open) }
        }
        try await index.flush()
        packsSinceIndex = 0
    }
}
