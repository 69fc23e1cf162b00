import Basics
import StorageKit
import Threads

extension ArchiveRun {
    /// Linux, with a clock of 100 Hz. Kernels since 6.13 tell times apart that were looked at.
    private static let longestTick = Duration.milliseconds(10)

    /// Walks the source depth first. Blocking calls are made on the reading thread; the parent's trees are loaded between them.
    func walk(parent: ObjectID?) async throws {
        // Whatever is read from here on was last written in a tick of the file system's clock that began after this run, or long before.
        try await Task.sleep(for: Self.longestTick)
        let root = DirectoryAssembly(former: parent) { [weak self] id in self?.rootFinished(id) }
        var above = root
        var former = parent
        let metadata = try await pool.run { [reader] in try reader.metadata(of: TreePath()) }
        let parts = reader.logicalPath.parts
        // The path to the tree is spelled as nested folders, as restic stores it. What the source does not know of them is made up.
        for (depth, name) in parts.enumerated() {
            let own =
                depth == parts.count - 1
                ? metadata : FileMetadata(kind: .directory, permissions: 0o755, modified: metadata.modified, changed: metadata.changed)
            if depth == parts.count - 1, let image = reader as? ImageTree, let node = Node(name, own) {
                return try await take(image, node, in: above, former: await formerTree(former)?.node(named: name))
            }
            guard let node = Node(name, own), own.kind == .directory else {
                throw StorageError(
                    .unsupported, expected: "a folder as the source's root", found: "\(own.kind)", at: "/\(reader.logicalPath)")
            }
            former = await formerTree(former)?.node(named: name)?.subtree
            let directory = DirectoryAssembly(node, in: above, slot: above.reserve(), former: former)
            try await closing(above)
            above = directory
        }
        if let stream = reader as? any TreeStream { return try await take(stream, into: above, former: former) }
        try await walk(TreePath(), into: above, former: former, isRoot: true)
        try await pool.run { [lanes] in for lane in lanes { try lane.content.flush() } }
    }

    func closing(_ directory: DirectoryAssembly) async throws {
        try await pool.run { [walkSaver] in try directory.close(walkSaver.saver) }
    }

    /// The parent snapshot's tree; a damaged one is no reason to fail, its files are read again.
    func formerTree(_ id: ObjectID?) async -> Tree? {
        guard let id else { return nil }
        return try? await loader.loadTree(id)
    }

    private struct Entries: Sendable {
        var below: [Subdirectory] = []
        /// Files that several lanes are to read.
        var waiting: [WaitingFile] = []
        /// Of a system of several parts: the images among them.
        var images: [WaitingImage] = []
    }

    private struct WaitingImage: Sendable {
        var image: ImageTree
        var node: Node
        var directory: DirectoryAssembly
        var slot: Int
        var former: Node?
    }

    private struct Subdirectory: Sendable {
        var path: TreePath
        var directory: DirectoryAssembly
        var former: ObjectID?
    }

    private func walk(_ path: TreePath, into directory: DirectoryAssembly, former: ObjectID?, isRoot: Bool = false) async throws {
        try breakdown.check()
        let formerTree = await formerTree(former)
        let found = try await pool.run { [self] in
            let found = try archiveFiles(of: path, into: directory, former: formerTree, isRoot: isRoot)
            try directory.close(walkSaver.saver)
            return found
        }
        try await read(found.waiting)
        if !found.images.isEmpty { try await pool.run { [lanes] in for lane in lanes { try lane.content.flush() } } }
        for next in found.images {
            try await take(next.image, next.node, in: next.directory, at: next.slot, former: next.former)
        }
        for next in found.below { try await walk(next.path, into: next.directory, former: next.former) }
    }

    /// Lists one directory and reads its files, unless there are lanes for that. Returns what is left to do.
    private func archiveFiles(of path: TreePath, into directory: DirectoryAssembly, former: Tree?, isRoot: Bool) throws -> Entries {
        let listing: TreeListing
        do {
            listing = try reader.list(path)
        } catch let error as StorageError where !isRoot && !reader.isAway(after: error) {
            counters.failed(path, error)
            return Entries()
        }
        for (name, error) in listing.failures {
            guard !reader.isAway(after: error) else { throw error }
            counters.failed(path.appending(name), error)
        }
        var found = Entries()
        for entry in listing.entries {
            try breakdown.check()
            let entryPath = path.appending(entry.name)
            if let exclude = options.exclude, exclude(entryPath, entry.metadata) { continue }
            guard var node = Node(entry.name, entry.metadata) else { continue }
            let slot = directory.reserve()
            let formerNode = former?.node(named: entry.name)
            // A source may know a file's version and not its size, which only a reading tells: it has the former one until then.
            if entry.metadata.size == FileMetadata.unknownSize, node.inode != 0, options.changeCheck != .ignoreInode, let formerNode {
                node.size = formerNode.size
            }
            if let image = (reader as? PartTree)?.image(at: entryPath) {
                found.images.append(WaitingImage(image: image, node: node, directory: directory, slot: slot, former: formerNode))
                continue
            }
            switch entry.metadata.kind {
            case .directory:
                let child = DirectoryAssembly(node, in: directory, slot: slot, former: formerNode?.subtree)
                found.below.append(Subdirectory(path: entryPath, directory: child, former: formerNode?.subtree))
            case .file:
                let file = WaitingFile(path: entryPath, node: node, directory: directory, slot: slot, former: formerNode)
                if lanes.count > 1 { found.waiting.append(file) } else { try archive(file, lanes[0]) }
            default: try directory.fill(slot, node, walkSaver.saver)
            }
        }
        return found
    }

    func archive(_ waiting: WaitingFile, _ lane: ReadingLane) throws {
        let (path, listed, directory, slot, former) = (waiting.path, waiting.node, waiting.directory, waiting.slot, waiting.former)
        let saver = lane.saver.saver
        if let former, listed.isUnchanged(since: former, by: options.changeCheck, readAt: parentReadAt),
            let content = former.content, index.length(of: content) == former.size
        {
            var node = listed
            node.content = content
            counters.fileDone(.unmodified, bytes: node.size)
            try directory.fill(slot, node, saver)
            return
        }
        counters.reading(path)
        let file = FileAssembly(in: directory, slot: slot, former: former)
        do {
            let open = try reader.open(path)
            defer { open.close() }
            let before = try open.metadata()
            let size = try lane.content.read(open, into: file)
            let after = try open.metadata()
            var node = Node(listed.name, before) ?? listed
            node.extendedAttributes = listed.extendedAttributes  // an open file's metadata has none
            node.size = size
            let hasOtherSize = before.size != FileMetadata.unknownSize && size != UInt64(clamping: before.size)
            if after.size != before.size || after.modified != before.modified || hasOtherSize {
                counters.failed(
                    path,
                    StorageError(
                        .changed, expected: "a file that stays as it is while it is read",
                        found: "\(size.counted("byte")) read, \(after.size) there now",
                        at: "/\(reader.logicalPath)/\(path)",
                        advice: "read from a snapshot, or quiesce the writer; the copy holds what was read"))
            }
            try file.finish(node, saver)
        } catch let error as StorageError where !reader.isAway(after: error) {
            counters.failed(path, error)
            try file.finish(nil, saver)
        }
    }
}
