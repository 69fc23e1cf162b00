import Crypto
import Basics
public import StorageKit
import Threads

extension Repository {
    /// What is known of the block image that a snapshot holds, as the part of that name where one is named. Nil when it holds a folder.
    public func imageDescription(of snapshot: Snapshot, part: FileName? = nil) async throws -> ImageDescription? {
        let loader = BlobLoader(store: store, key: key, index: try await loadIndex())
        return try await imageFile(of: snapshot, part, loader).map {
            ImageDescription(size: Int64(clamping: $0.size), attributes: $0.metadata?.extendedAttributes ?? [])
        }
    }

    /// Writes a snapshot's image, or a range of its bytes, to `writer` at the same offsets: every blob verified, zeros as zeros.
    ///
    /// Whatever can't be read ends it with an error, after `abandon`: an image with a hole is no restore. What the index does not have is
    /// found before anything is written.
    public func restoreImage(
        _ snapshot: Snapshot, part: FileName? = nil, to writer: any ImageWriter, range: Range<Int64>? = nil,
        _ options: RestoreOptions = RestoreOptions()
    ) async throws -> ImageRestoreReport {
        guard options.lock else { return try await restoreImageUnlocked(snapshot, part, writer, range, options) }
        return try await withLock(.shared, isolation: nil) { _ in
            try await restoreImageUnlocked(snapshot, part, writer, range, options)
        }
    }

    private func restoreImageUnlocked(
        _ snapshot: Snapshot, _ part: FileName?, _ writer: any ImageWriter, _ range: Range<Int64>?, _ options: RestoreOptions
    ) async throws -> ImageRestoreReport {
        let loader = BlobLoader(store: store, key: key, index: try await loadIndex())
        do {
            guard let node = try await imageFile(of: snapshot, part, loader) else {
                throw RepositoryError(
                    .noSuchPath, expected: "a snapshot of a block image, which is one file", found: "a folder",
                    at: snapshot.paths.first ?? "/",
                    advice: "restore it into a system that takes files")
            }
            return try await ImageRestoreRun(loader: loader, node: node, writer: writer, options: options).run(range)
        } catch {
            writer.abandon()
            throw error
        }
    }

    /// The ranges in which an image differs from a snapshot of it; everything is read. A longer image is compared as far as the snapshot goes.
    public func compareImage(_ snapshot: Snapshot, part: FileName? = nil, with image: any ImageReader) async throws -> [Range<Int64>] {
        let loader = BlobLoader(store: store, key: key, index: try await loadIndex())
        guard let node = try await imageFile(of: snapshot, part, loader), image.size >= Int64(clamping: node.size) else {
            return [0..<image.size]
        }
        if let problem = try await loader.sizeProblem(of: node, at: "the file \(node.name)") { throw problem }
        let content = node.content ?? []
        let sizes = try await loader.sizes(of: content)
        return try await BlockingPool(label: "compare", width: 1).run {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(sizes.values.max() ?? 0), alignment: 4096)
            defer { memory.deallocate() }
            var (differing, offset): ([Range<Int64>], Int64) = ([], 0)
            for id in content {
                guard let size = sizes[id] else {
                    throw RepositoryError.damaged("the index", expected: "blob \(id)", found: "none")
                }
                let slice = UnsafeMutableRawBufferPointer(rebasing: memory[..<Int(size)])
                try image.read(into: slice, at: offset)
                if SHA256.digest(UnsafeRawBufferPointer(slice)) != id { differing.append(offset..<offset + size) }
                offset += size
            }
            return differing
        }
    }

    /// The file at a snapshot's only path, or that of a part in it; nil when that is a folder, or not there.
    private func imageFile(of snapshot: Snapshot, _ part: FileName?, _ loader: BlobLoader) async throws -> Node? {
        guard snapshot.paths.count == 1, var path = snapshot.paths.first.map({ TreePath($0) }) else { return nil }
        if let part { path = path.appending(part) }
        var tree = try await loader.loadTree(try snapshot.treeID())
        for (depth, name) in path.parts.enumerated() {
            guard let node = tree.node(named: name) else { return nil }
            if depth == path.parts.count - 1 { return node.type == "file" ? node : nil }
            guard let below = node.subtree else { return nil }
            tree = try await loader.loadTree(below)
        }
        return nil
    }
}

public struct ImageRestoreReport: Sendable, Hashable {
    /// Bytes of the image that are in the restored range.
    public var bytes: Int64
    /// Bytes of them that were written; the rest are zeros.
    public var bytesWritten: Int64
}
