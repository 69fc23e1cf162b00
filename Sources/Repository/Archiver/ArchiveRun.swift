import Basics
import Crypto
import Foundation
import StorageKit
import Synchronization
import Threads

/// One backup: read -> chunk -> hash -> known? -> compress -> seal -> pack -> store, each stage bounded.
///
/// One thread reads and cuts (several, where the reader allows it), `workers` threads do the rest, the store's own threads write. Memory is bounded by the buffers,
/// the open packs and those on their way; it does not grow with the source, but for the index.
final class ArchiveRun: Sendable {
    let breakdown = Breakdown()
    let counters = ArchiveCounters()
    let reader: any TreeReader
    let options: ArchiveOptions
    let index: MasterIndex
    let loader: BlobLoader
    /// When the reading began that the parent is of.
    let parentReadAt: FileTime?
    /// At least one; the walk itself uses the first.
    let lanes: [ReadingLane]
    var content: ContentReader { lanes[0].content }
    /// The saver of the walk.
    var walkSaver: WalkSaver { lanes[0].saver }
    let pool: BlockingPool
    private let key: SealKey
    private let compress: Bool
    private let workers: Int
    let buffers: BufferPool
    let queue: BoundedQueue<ReadBuffer>
    private let uploader: PackUploader
    private let packs: PackAssembler
    private let indexWriter: IndexWriter
    private let rootTree = Mutex<ObjectID?>(nil)

    init(
        _ repository: Repository, _ lock: RepositoryLock, reader: any TreeReader, parent: Snapshot?, index: MasterIndex,
        options: ArchiveOptions
    ) {
        self.reader = reader
        // What failed must not wait for a store that does not answer.
        breakdown.onFailure { lock.stopSettling() }
        parentReadAt = parent.map { FileTime(since: $0.summary?.start ?? $0.time) }
        self.options = options
        self.index = index
        key = repository.key
        compress = repository.config.version >= 2
        workers = max(options.workers ?? ProcessInfo.processInfo.activeProcessorCount, 1)
        let files = repository.files(lock)
        loader = BlobLoader(store: repository.store, key: key, index: index)
        let readers = max(reader.readsAtOnce, 1)
        let (buffers, queue) = (
            BufferPool(count: 2 * workers + 2 * readers, breakdown: breakdown),
            BoundedQueue<ReadBuffer>(capacity: 2 * workers, breakdown: breakdown)
        )
        (self.buffers, self.queue) = (buffers, queue)
        let uploader = PackUploader(store: files.store, workers: workers, breakdown: breakdown)
        self.uploader = uploader
        let packs = PackAssembler(workers: workers + 1) { try uploader.deliver($0) }
        self.packs = packs
        indexWriter = IndexWriter(files: files)
        pool = BlockingPool(label: "archive", width: workers + readers)
        let (breakdown, counters, key, worker, compress) = (breakdown, counters, key, workers, compress)
        lanes = (0..<readers).map { _ in
            // A lane stores trees only, which all go into one pack.
            let saver = BlobSaver(
                key: key, index: index, packs: packs, worker: worker, counters: counters,
                compressor: compress ? Compressor(level: options.compressionLevel) : nil)
            return ReadingLane(
                content: ContentReader(tables: repository.tables, pool: buffers, queue: queue, counters: counters, breakdown: breakdown),
                saver: WalkSaver(saver))
        }
    }

    private enum Stage { case walk, worker, upload, ticker }

    /// Stores the tree and returns its root's id; everything is durable and indexed then.
    func run(parent: ObjectID?) async throws -> ObjectID {
        do {
            return try await withTaskCancellationHandler {
                try await stages(parent: parent)
            } onCancel: {
                breakdown.fail(CancellationError())
            }
        } catch {
            throw breakdown.error ?? error
        }
    }

    private func stages(parent: ObjectID?) async throws -> ObjectID {
        try await withThrowingTaskGroup(of: Stage.self) { group in
            group.addTask { [self] in
                try await breakdown.guarding { try await walk(parent: parent) }
                queue.finish()
                return .walk
            }
            for worker in 0..<workers {
                group.addTask { [self] in
                    try await breakdown.guarding { try await pool.run { try self.work(worker) } }
                    return .worker
                }
            }
            group.addTask { [self] in
                try await breakdown.guarding {
                    try await uploader.run { pack in
                        self.counters.stored(pack.bytes.count)
                        try await self.indexWriter.add(pack.index)
                        self.packs.recycle(pack.bytes)
                    }
                }
                return .upload
            }
            group.addTask { [self] in
                try await breakdown.guarding { try await tick() }
                return .ticker
            }
            var reading = workers + 1
            while let stage = try await group.next() {
                switch stage {
                case .walk, .worker:
                    reading -= 1
                    guard reading == 0 else { continue }
                    try await breakdown.guarding { try await deliverOpenPacks() }
                    uploader.finish()
                case .upload: group.cancelAll()
                case .ticker: break
                }
            }
        }
        try breakdown.check()
        try await pool.run { [reader] in try reader.confirm() }
        try await indexWriter.flush()
        options.progress?(counters.progress)
        guard let root = rootTree.withLock({ $0 }) else { preconditionFailure("every directory was closed, so the root has an id") }
        return root
    }

    func rootFinished(_ id: ObjectID) { rootTree.withLock { $0 = id } }

    /// A worker's life: buffers until there are no more.
    private func work(_ worker: Int) throws {
        let saver = BlobSaver(
            key: key, index: index, packs: packs, worker: worker, counters: counters,
            compressor: compress ? Compressor(level: options.compressionLevel) : nil)
        while let buffer = try queue.take() {
            try saver.save(buffer)
            buffers.giveBack(buffer)
        }
    }

    private func deliverOpenPacks() async throws {
        try await pool.run { [self] in for pack in packs.takeAll(Sealer(key)) { try uploader.deliver(pack) } }
    }

    /// Reports progress and makes checkpoints until cancelled.
    private func tick() async throws {
        var last = ContinuousClock.now
        var stored: UInt64 = 0
        while (try? await Task.sleep(for: .milliseconds(200))) != nil {
            let progress = counters.progress
            options.progress?(progress)
            guard let checkpoint = options.checkpoint else { continue }
            let due = ContinuousClock.now - last >= options.checkpointEvery.duration
            guard due || progress.bytesStored - stored >= UInt64(options.checkpointBytes.bytes) else { continue }
            // Not cut short when the last upload ends this loop: packs were taken that nobody else stores.
            try await Task { [self] in
                try await makeDurable()
                try await checkpoint(counters.progress)
            }.value
            last = .now
            stored = counters.progress.bytesStored
        }
    }

    /// Stores the open packs and indexes everything that is stored.
    private func makeDurable() async throws {
        for pack in packs.takeAll(Sealer(key)) {
            try await uploader.storeNow(pack)
            counters.stored(pack.bytes.count)
            try await indexWriter.add(pack.index)
        }
        try await indexWriter.flush()
    }
}

/// Lends the reading thread's saver to the walk, which makes one call at a time.
final class WalkSaver: @unchecked Sendable {
    let saver: BlobSaver
    init(_ saver: BlobSaver) { self.saver = saver }
}
