import Crypto

/// Writes index files for packs that are stored, so that a run which is cut off loses little.
actor IndexWriter {
    private let files: SealedFiles
    private var pending: [IndexedPack] = []
    private var blobs = 0
    private var all: [ObjectID] = []
    private var since = ContinuousClock.now

    /// restic's interval: the index of stored packs is never older.
    private static let interval: Duration = .seconds(600)

    init(files: SealedFiles) { self.files = files }

    /// Notes a pack that is durable.
    func add(_ pack: IndexedPack) async throws {
        pending.append(pack)
        blobs += pack.blobs.count
        if blobs >= IndexFile.maximumBlobs || ContinuousClock.now - since > Self.interval { try await flush() }
    }

    /// Every index file that was written, the last ones included.
    func flushed() async throws -> [ObjectID] {
        try await flush()
        return all
    }

    /// Writes what is noted; returns the ids of the new index files.
    @discardableResult
    func flush() async throws -> [ObjectID] {
        let packs = pending
        pending = []
        blobs = 0
        since = .now
        guard !packs.isEmpty else { return [] }
        var written: [ObjectID] = []
        var part: [IndexedPack] = []
        var count = 0
        for pack in packs {
            part.append(pack)
            count += pack.blobs.count
            guard count >= IndexFile.maximumBlobs else { continue }
            written.append(try await files.save(ObjectNames.index, IndexFile(packs: part).encoded))
            (part, count) = ([], 0)
        }
        if !part.isEmpty { written.append(try await files.save(ObjectNames.index, IndexFile(packs: part).encoded)) }
        all += written
        return written
    }
}
