import Crypto
import Basics
import Foundation
import StorageKit
import Synchronization
import Threads

/// One restore of an image, in stretches that bound memory: each reads its packs side by side and writes in any order.
final class ImageRestoreRun: Sendable {
    private let loader: BlobLoader
    private let node: Node
    private let writer: any ImageWriter
    private let options: RestoreOptions
    private let pool = BlockingPool(label: "restore", width: max(ProcessInfo.processInfo.activeProcessorCount, 2))
    private let state = Mutex((progress: RestoreProgress(), written: Int64(0)))

    private static let stretchBytes: Int64 = 128 << 20

    init(loader: BlobLoader, node: Node, writer: any ImageWriter, options: RestoreOptions) {
        self.loader = loader
        self.node = node
        self.writer = writer
        self.options = options
    }

    /// One blob where the image has it; `bytes` is the part of it that is wanted.
    private struct Place: Sendable {
        var offset: Int64
        var bytes: Range<Int>
    }

    func run(_ range: Range<Int64>?) async throws -> ImageRestoreReport {
        let size = Int64(clamping: node.size)
        let wanted = range ?? 0..<size
        guard wanted.upperBound <= size, wanted.lowerBound >= 0 else {
            throw RepositoryError(
                .noSuchPath, expected: "a range within the image's \(size.counted("byte"))", found: "\(wanted)", at: node.name.description,
                advice: "give a range that the image has")
        }
        let content = node.content ?? []
        let sizes = try await loader.sizes(of: content)
        let zeros = ZeroBlobs()
        for id in content where sizes[id] == nil { _ = try await loader.load(BlobKey(kind: .data, id: id)) }
        if let problem = try await loader.sizeProblem(of: node, at: "the file \(node.name)") { throw problem }
        var stretch: [ObjectID: [Place]] = [:]
        var (offset, stretched): (Int64, Int64) = (0, 0)
        for id in content {
            let length = sizes[id] ?? 0
            let part = (offset..<offset + length).clamped(to: wanted)
            defer { offset += length }
            guard !part.isEmpty else { continue }
            if zeros.id(of: length) == id {
                try await pool.run { [writer] in try writer.zero(part) }
                passed(part.upperBound - part.lowerBound, written: 0)
                continue
            }
            stretch[id, default: []].append(
                Place(offset: part.lowerBound, bytes: Int(part.lowerBound - offset)..<Int(part.upperBound - offset)))
            stretched += part.upperBound - part.lowerBound
            guard stretched >= Self.stretchBytes else { continue }
            try await restore(stretch)
            (stretch, stretched) = ([:], 0)
        }
        try await restore(stretch)
        try await pool.run { [writer] in try writer.finish() }
        let written = state.withLock { $0.written }
        return ImageRestoreReport(bytes: wanted.upperBound - wanted.lowerBound, bytesWritten: written)
    }

    private func passed(_ bytes: Int64, written: Int64) {
        let progress = state.withLock { state in
            state.progress.bytes += UInt64(bytes)
            state.progress.currentPath = TreePath([node.name])
            state.written += written
            return state.progress
        }
        options.progress?(progress)
    }

    private func restore(_ stretch: [ObjectID: [Place]]) async throws {
        var packs: [ObjectID: [PackedBlob]] = [:]
        for id in stretch.keys {
            guard let first = loader.index.locations(of: BlobKey(kind: .data, id: id)).first else { continue }
            packs[first.pack, default: []].append(first.blob)
        }
        let ranges = packs.flatMap { PackRange.coalesce($0.value, in: $0.key) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            var rest = ranges[...]
            for _ in 0..<loader.store.properties.connections + 1 {
                if let range = rest.popFirst() { group.addTask { try await self.restore(range, stretch) } }
            }
            while try await group.next() != nil {
                if let range = rest.popFirst() { group.addTask { try await self.restore(range, stretch) } }
            }
        }
    }

    private func restore(_ range: PackRange, _ stretch: [ObjectID: [Place]]) async throws {
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
                            try write(plain, stretch[blob.key.id] ?? [])
                            return false
                        }
                    }
                }
            }
        } catch let error as StorageError where error.kind == .notFound || error.kind == .truncated {
            // Every blob of it is looked for elsewhere.
        }
        for blob in damaged {
            let plain = try await loader.load(blob.key)
            try await pool.run { try plain.withUnsafeBytes { try self.write($0, stretch[blob.key.id] ?? []) } }
        }
    }

    private func write(_ plain: UnsafeRawBufferPointer, _ places: [Place]) throws {
        for place in places {
            let part = UnsafeRawBufferPointer(rebasing: plain[place.bytes])
            var (done, written) = (0, 0)
            for run in ZeroRuns.data(in: part) {
                if run.lowerBound > done { try writer.zero(place.offset + Int64(done)..<place.offset + Int64(run.lowerBound)) }
                try writer.write(UnsafeRawBufferPointer(rebasing: part[run]), at: place.offset + Int64(run.lowerBound))
                written += run.count
                done = run.upperBound
            }
            if done < part.count { try writer.zero(place.offset + Int64(done)..<place.offset + Int64(part.count)) }
            passed(Int64(part.count), written: Int64(written))
        }
    }
}
