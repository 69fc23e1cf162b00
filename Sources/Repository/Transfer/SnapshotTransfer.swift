import Basics
import Crypto
import StorageKit

/// How far a transfer is.
public struct TransferProgress: Sendable, Hashable {
    public var snapshotsDone = 0
    public var snapshotsTotal = 0
    /// Bytes of packs read for blobs that the other repository did not have.
    public var bytesDone: Int64 = 0
    /// Of the snapshot at hand.
    public var bytesTotal: Int64 = 0
}

/// What became of the snapshots of a transfer.
public struct TransferReport: Sendable {
    /// As they are in the other repository.
    public var copied: [Snapshot] = []
    /// Were there already.
    public var skipped: [Snapshot] = []
    public var blobs = 0
    /// Bytes stored, without headers.
    public var bytes: Int64 = 0
}

/// Copies snapshots from one repository into another: every blob is verified, sealed with the other key, and not compressed anew.
///
/// A blob has the same name in both, so what the other one has is not sent. Packs, then their index, then the snapshot are durable;
/// what was sent before a break is found by the next run.
struct SnapshotTransfer {
    let source: BlobLoader
    let sourceFiles: SealedFiles
    let targetFiles: SealedFiles
    let target: MasterIndex
    let progress: (@Sendable (TransferProgress) -> Void)?
    private var writer: PackWriter
    private var state = TransferProgress()
    private(set) var report = TransferReport()

    init(
        source: BlobLoader, sourceFiles: SealedFiles, targetFiles: SealedFiles, target: MasterIndex,
        progress: (@Sendable (TransferProgress) -> Void)?
    ) {
        self.source = source
        self.sourceFiles = sourceFiles
        self.targetFiles = targetFiles
        self.target = target
        self.progress = progress
        writer = PackWriter(files: targetFiles)
    }

    mutating func run(_ snapshots: [Snapshot], known: [Snapshot]) async throws {
        state.snapshotsTotal = snapshots.count
        for snapshot in snapshots {
            if known.contains(where: { $0.isCopy(of: snapshot) }) {
                report.skipped.append(snapshot)
            } else {
                try await copy(snapshot)
            }
            state.snapshotsDone += 1
            progress?(state)
        }
    }

    private mutating func copy(_ snapshot: Snapshot) async throws {
        let walk = UsedBlobs(loader: source)
        try await walk.add(try snapshot.treeID())
        if let problem = walk.problems.first { throw problem.error }
        var packs: [ObjectID: [PackedBlob]] = [:]
        for key in walk.used where !target.contains(key) {
            guard let place = source.index.locations(of: key).first else {
                _ = try await source.load(key)  // says what is missing
                continue
            }
            packs[place.pack, default: []].append(place.blob)
        }
        let ranges = packs.sorted { $0.key < $1.key }.flatMap { PackRange.coalesce($0.value, in: $0.key) }
        (state.bytesDone, state.bytesTotal) = (0, ranges.reduce(0) { $0 + Int64($1.range.count) })
        try await send(ranges)
        try await writer.finish()
        var copy = snapshot
        copy.original = snapshot.original ?? snapshot.id
        copy.parent = nil
        copy.id = try await targetFiles.save(ObjectNames.snapshots, copy.encoded).hex
        report.copied.append(copy)
    }

    /// A few ranges are read ahead; they are written in order.
    private mutating func send(_ ranges: [PackRange]) async throws {
        let decoder = BlobDecoder(source.key)
        try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
            var (begun, wanted) = (0, 0)
            var early: [Int: [UInt8]] = [:]
            func begin() {
                guard begun < ranges.count else { return }
                let (number, range) = (begun, ranges[begun])
                group.addTask { [source] in (number, (try? await source.store.get(ObjectNames.pack(range.pack), range: range.range)) ?? [])
                }
                begun += 1
            }
            for _ in 0...min(source.store.properties.connections, 3) { begin() }
            while wanted < ranges.count {
                try Task.checkCancellation()
                if let bytes = early.removeValue(forKey: wanted) {
                    try await send(ranges[wanted], bytes, decoder)
                    wanted += 1
                    begin()
                } else if let (number, bytes) = try await group.next() {
                    early[number] = bytes
                }
            }
        }
    }

    private mutating func send(_ range: PackRange, _ bytes: [UInt8], _ decoder: BlobDecoder) async throws {
        for blob in range.blobs where target.claim(blob.key) {
            let stored = bytes.withUnsafeBytes { bytes -> (content: [UInt8], plainLength: Int)? in
                guard bytes.count == range.range.count else { return nil }
                return try? decoder.payload(range.slice(blob, of: bytes), blob, in: range.pack, forCompressing: targetFiles.compress)
            }
            if let stored {
                try await writer.add(blob.key, stored.content, plainLength: stored.plainLength)
            } else {
                // Damaged, or cut off: from another copy, or an error that says so.
                try await writer.add(whole: blob.key, try await source.load(blob.key))
            }
            report.blobs += 1
            report.bytes += Int64(blob.length)
        }
        state.bytesDone += Int64(range.range.count)
        progress?(state)
    }
}

extension Snapshot {
    /// restic's test: the same backup, in another repository or under other tags.
    func isCopy(of other: Snapshot) -> Bool {
        (original ?? id) == (other.original ?? other.id) && tree == other.tree && time == other.time && hostname.isExactly(other.hostname)
            && paths.exact == other.paths.exact
    }
}
