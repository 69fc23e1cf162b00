import Crypto
import Basics
import Foundation
import StorageKit
import Synchronization
import Threads

extension TreePath {
    /// The other way round of `bytes`.
    fileprivate init(bytes: [UInt8]) { self.init(bytes.split(separator: UInt8(ascii: "/")).map { FileName(bytes: Array($0)) }) }
}

/// One restore: folders first, then files pack by pack in batches, then links, then the folders' metadata.
///
/// Ranges of packs are read side by side and written in any order; a batch bounds memory and open files.
final class RestoreRun: Sendable {
    private let loader: BlobLoader
    private let writer: any TreeWriter
    private let selection: RestoreSelection
    private let options: RestoreOptions
    private let pool: BlockingPool
    private let breakdown = Breakdown()
    private let state = Mutex(State())

    private struct State {
        var progress = RestoreProgress()
        /// Bytes of the files that are whole: what is begun and fails is not restored.
        var wholeBytes: UInt64 = 0
        var failures: [RestoreFailure] = []
        var failureCount: UInt64 = 0
        var named = NamedPaths(atMost: 100_000)
        var warnings = RestoreWarnings()
        var failedPaths: Set<TreePath> = []
        /// The chosen paths that the snapshot has.
        var found: Set<TreePath> = []
    }

    private static let batchFiles = 512
    /// Of all files of a batch: a file of zeros, or of what a list only says, has many and few bytes.
    private static let batchBlobs = 100_000
    /// Hard-linked files whose first names are kept, where there are fewer blobs.
    private static let mostLinked = 1 << 18
    /// PATH_MAX is 4096 bytes, two for each name at least.
    private static let deepest = 2048
    private static let batchBytes: UInt64 = 256 << 20

    init(loader: BlobLoader, writer: any TreeWriter, options: RestoreOptions) {
        self.loader = loader
        self.writer = writer
        self.options = options
        selection = RestoreSelection(options)
        pool = BlockingPool(label: "restore", width: max(ProcessInfo.processInfo.activeProcessorCount, 2))
    }

    /// What the walk found and did not do yet.
    private struct Work {
        var trees: OpenTrees
        var batch: [RestoredFile] = []
        var batchBytes: UInt64 = 0
        var batchBlobs = 0
        /// What is done last, as packed as a folder's list: a whole path for a name.
        var links = NodeList()
        var directories = NodeList()
        /// The first path of each hard-linked file, and which of `linked` it has.
        var firsts: [HardLinkKey: UInt32] = [:]
        var linked = NodeList()

        mutating func later(_ path: TreePath, _ node: Node) {
            var node = node
            node.name = FileName(bytes: path.bytes)
            (node.content, node.subtree) = (nil, nil)
            directories.append(node)
        }

        /// The name of a file that is there already; nil for the first.
        mutating func existing(_ key: HardLinkKey, _ path: TreePath, most: Int) -> TreePath? {
            if let number = firsts[key] { return TreePath(bytes: linked[Int(number)].name.bytes) }
            guard firsts.count < most else { return nil }
            firsts[key] = UInt32(linked.count)
            linked.append(Node(name: FileName(bytes: path.bytes), type: ""))
            return nil
        }
    }

    func run(root: ObjectID) async throws -> RestoreReport {
        try await withTaskCancellationHandler {
            try await stages(root: root)
        } onCancel: {
            breakdown.fail(CancellationError())  // seen by the threads that write
        }
    }

    private func stages(root: ObjectID) async throws -> RestoreReport {
        var work = Work(trees: OpenTrees(loader))
        try await walk(root, at: TreePath(), &work)
        for path in selection.paths where state.withLock({ !$0.found.contains(path) }) { fail(path, selection.nothing(at: path)) }
        try await restore(&work)
        for link in work.links {
            let (path, existing) = (TreePath(bytes: link.name.bytes), TreePath(bytes: link.linkTarget))
            guard state.withLock({ !$0.failedPaths.contains(existing) }) else {
                fail(
                    path,
                    RepositoryError.damaged("/\(path)", expected: "the file it is linked to, /\(existing)", found: "a file that failed"))
                continue
            }
            if try await attempt(path, { [writer] in try writer.link(path, to: existing) }) { state.withLock { $0.progress.files += 1 } }
        }
        for node in work.directories.reversed() {
            try Task.checkCancellation()
            let path = TreePath(bytes: node.name.bytes)
            try await attempt(path) { try self.setMetadata(path, node) }
        }
        try await pool.run { [writer] in try writer.finish() }
        return state.withLock { state in
            options.progress?(state.progress)
            return RestoreReport(
                files: state.progress.files, directories: state.progress.directories, bytes: state.wholeBytes,
                failures: state.failures, failureCount: state.failureCount, warnings: state.warnings.errors,
                warningCount: state.warnings.count)
        }
    }

    /// Runs a call of the writer. A full disk ends the restore; other trouble is one path's, and false.
    @discardableResult
    private func attempt(_ path: TreePath, _ body: @escaping @Sendable () throws -> Void) async throws -> Bool {
        do { try await pool.run(body) } catch let error as StorageError where error.kind != .noSpace {
            fail(path, error)
            return false
        }
        return true
    }

    private func fail(_ path: TreePath, _ error: any ExplainedError) {
        state.withLock { state in
            state.failureCount += 1
            guard state.named.admit(path) else { return }
            state.failures.append(RestoreFailure(path: path, error: error))
            state.failedPaths.insert(path)
        }
    }

    private func setMetadata(_ path: TreePath, _ node: Node) throws {
        guard let metadata = node.metadata else { return }
        note(try writer.setMetadata(path, metadata))
    }

    private func note(_ warnings: [StorageError]) {
        if !warnings.isEmpty { state.withLock { $0.warnings.note(warnings) } }
    }

    private func walk(_ id: ObjectID, at path: TreePath, _ work: inout Work) async throws {
        try Task.checkCancellation()
        do {
            try await work.trees.enter(id)
        } catch let error as RepositoryError where !path.parts.isEmpty {
            fail(path, error)  // what is below is lost; the rest is restored
            return
        }
        defer { work.trees.leave() }
        for index in 0..<work.trees.count {
            let node = try await work.trees.node(index)
            let below = path.appending(node.name)
            if selection.paths.contains(below) { state.withLock { _ = $0.found.insert(below) } }
            if node.type == "dir" {
                guard selection.descends(into: below), let subtree = node.subtree else { continue }
                guard below.parts.count <= Self.deepest else {
                    fail(
                        below,
                        RepositoryError(
                            .unsafeName, expected: "folders within folders as deep as a path can name (\(Self.deepest))",
                            found: "deeper ones",
                            at: "tree \(id)", advice: "no system could have held them; do not trust the snapshot"))
                    continue
                }
                // The folder whose content lands at the writer's root: a private home must not come back as a public one.
                if selection.isWholeRoot(below) { work.later(TreePath(), node) }
                if let target = selection.target(of: below) {
                    // What stands in the place of one that can't be made is not given its metadata.
                    if try await attempt(target, { [writer] in try writer.makeDirectory(target) }) {
                        state.withLock { $0.progress.directories += 1 }
                        work.later(target, node)
                    }
                }
                try await walk(subtree, at: below, &work)
            } else if selection.includes(below), let target = selection.target(of: below, isDirectory: false) {
                try await take(node, target, &work)
            }
        }
    }

    private func take(_ node: Node, _ target: TreePath, _ work: inout Work) async throws {
        if let key = HardLinkKey(node) {
            // Of what is linked as often as it is stored, all are known; a tree may say more.
            if let existing = work.existing(key, target, most: max(Self.mostLinked, loader.index.count)) {
                var link = Node(name: FileName(bytes: target.bytes), type: "")
                link.linkTarget = existing.bytes
                work.links.append(link)
                return
            }
        }
        guard node.type == "file" else {
            guard let metadata = node.metadata else {
                fail(
                    target,
                    RepositoryError(
                        .unsupported, expected: "a known kind of file", found: node.type, at: "/\(target)",
                        advice: "use a newer snappy-flow"))
                return
            }
            if try await attempt(target, { [self] in note(try writer.createSpecial(target, metadata)) }) {
                state.withLock { $0.progress.files += 1 }
            }
            return
        }
        work.batch.append(RestoredFile(path: target, node: node, writer: writer))
        work.batchBytes += min(node.size, Self.batchBytes)  // a size that is only claimed must not overflow
        work.batchBlobs += node.content?.count ?? 0
        if work.batch.count >= Self.batchFiles || work.batchBytes >= Self.batchBytes || work.batchBlobs >= Self.batchBlobs {
            try await restore(&work)
        }
    }

    /// Where a blob goes: often to several places.
    private struct Place {
        var file: RestoredFile
        var offset: Int64
    }

    private func restore(_ work: inout Work) async throws {
        let batch = work.batch
        (work.batch, work.batchBytes, work.batchBlobs) = ([], 0, 0)
        let files = try await pool.run { [self] in try batch.filter { try !isThere($0) } }
        var places: [ObjectID: [Place]] = [:]
        var packs: [ObjectID: [PackedBlob]] = [:]
        for file in files {
            if let problem = try await loader.sizeProblem(of: file.node, at: "/\(file.path)") {
                lose(file, problem)
                continue
            }
            var offset: Int64 = 0
            for id in file.node.content ?? [] {
                let key = BlobKey(kind: .data, id: id)
                guard let first = loader.index.locations(of: key).first else {
                    lose(file, await missing(key))
                    break
                }
                if places[id] == nil { packs[first.pack, default: []].append(first.blob) }
                places[id, default: []].append(Place(file: file, offset: offset))
                let size = loader.index.isDoubtful(key) ? try await loader.sizes(of: [id])[id] : Int64(first.blob.size)
                guard let size else {
                    lose(file, await missing(key))
                    break
                }
                offset += size
            }
            if file.node.content?.isEmpty ?? true { try await attempt(file.path) { try self.complete(file, wasLast: try file.finish()) } }
        }
        let ranges = packs.flatMap { PackRange.coalesce($0.value, in: $0.key) }
        do { try await restore(ranges, places) } catch {
            for file in files { _ = file.fail() }  // what is not whole goes
            throw error
        }
    }

    /// Whether a file stands there with the content that it is to have: a restore that is repeated does not begin anew.
    private func isThere(_ file: RestoredFile) throws -> Bool {
        try breakdown.check()
        guard let open = try? writer.existing(file.path) else { return false }
        defer { open.close() }
        guard let found = try? open.metadata(), found.size == Int64(clamping: file.node.size),
            (try? ExistingContent.equals(file.node, open, index: loader.index)) == true
        else { return false }
        state.withLock { state in
            state.progress.bytes += file.node.size
            state.progress.currentPath = file.path
        }
        do { try complete(file, wasLast: true) } catch let error as StorageError { fail(file.path, error) }
        return true
    }

    private func missing(_ key: BlobKey) async -> any ExplainedError {
        do {
            _ = try await loader.load(key)
        } catch let error as any ExplainedError {
            return error
        } catch {}
        return RepositoryError.damaged("the index", expected: "blob \(key.id)", found: "none")
    }

    private func restore(_ ranges: [PackRange], _ places: [ObjectID: [Place]]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var rest = ranges[...]
            let width = loader.store.properties.connections + 1
            for _ in 0..<width { if let range = rest.popFirst() { group.addTask { try await self.restore(range, places) } } }
            while try await group.next() != nil {
                if let range = rest.popFirst() { group.addTask { try await self.restore(range, places) } }
            }
        }
    }

    private func restore(_ range: PackRange, _ places: [ObjectID: [Place]]) async throws {
        try Task.checkCancellation()
        var damaged = range.blobs
        do {
            let bytes = try await loader.store.get(ObjectNames.pack(range.pack), range: range.range)
            damaged = try await pool.run { [self] in
                let decoder = BlobDecoder(loader.key)
                return try withExtendedLifetime(decoder) {  // decoded bytes are the decoder's
                    try bytes.withUnsafeBytes { bytes in
                        try range.blobs.filter { blob in
                            guard let plain = try? decoder.decode(range.slice(blob, of: bytes), blob, in: range.pack) else { return true }
                            try write(plain, to: places[blob.key.id] ?? [])
                            return false
                        }
                    }
                }
            }
        } catch let error as StorageError where error.kind == .notFound || error.kind == .truncated {
            // Every blob of it is looked for elsewhere.
        }
        for blob in damaged { try await restoreFromCopy(blob.key, places[blob.key.id] ?? []) }
    }

    /// Reads a blob one by one, from wherever a good copy is; its files fail when there is none.
    private func restoreFromCopy(_ key: BlobKey, _ places: [Place]) async throws {
        do {
            let plain = try await loader.load(key)
            try await pool.run { try plain.withUnsafeBytes { try self.write($0, to: places) } }
        } catch let error as RepositoryError {
            for place in places { lose(place.file, error) }
        }
    }

    private func write(_ plain: UnsafeRawBufferPointer, to places: [Place]) throws {
        let data = ZeroRuns.data(in: plain)
        for place in places {
            try breakdown.check()
            do {
                let last = try place.file.write(plain, data, at: place.offset)
                state.withLock { state in
                    state.progress.bytes += UInt64(plain.count)
                    state.progress.currentPath = place.file.path
                }
                try complete(place.file, wasLast: last)
                if let progress = options.progress, last || plain.count > 1 << 20 { progress(state.withLock { $0.progress }) }
            } catch let error as StorageError where error.kind != .noSpace {
                lose(place.file, error)
            } catch {
                _ = place.file.fail()
                throw error
            }
        }
    }

    private func complete(_ file: RestoredFile, wasLast: Bool) throws {
        guard wasLast else { return }
        try setMetadata(file.path, file.node)
        state.withLock { state in
            state.progress.files += 1
            state.wholeBytes += file.node.size
        }
    }

    private func lose(_ file: RestoredFile, _ error: any ExplainedError) {
        if file.fail() { fail(file.path, error) }
    }
}
