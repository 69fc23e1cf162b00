import Basics
import FlowModel
import StepKit
import StorageKit
import Synchronization

/// A pool, or a namespace of it, as a tree. Calls block.
final class PoolReader: TreeReader {
    let logicalPath: TreePath
    let readsAtOnce: Int
    private let view: PoolView
    /// Nil: every one, each in a folder of its own.
    private let namespace: [UInt8]?
    private let listing: ObjectListing
    private let working: StillWorking?
    private let confirmation: @Sendable () throws -> Void
    /// A walk goes through one shard after the other.
    private let shard = Mutex<(namespace: [UInt8], shard: UInt8, tree: ShardTree)?>(nil)

    /// Questions that are under way at once.
    private static let probes = 32

    init(
        _ view: PoolView, namespace: [UInt8]?, logicalPath: TreePath, readsAtOnce: Int,
        confirmation: @escaping @Sendable () throws -> Void = {}
    ) throws {
        self.confirmation = confirmation
        self.view = view
        self.namespace = namespace
        self.logicalPath = logicalPath
        self.readsAtOnce = readsAtOnce
        working = StillWorking.current
        listing = try ObjectListing(view, namespace: namespace)
    }

    private enum Place {
        case root
        case namespace([UInt8])
        /// A shard, or a folder below it.
        case folder([UInt8], UInt8, ArraySlice<FileName>)
    }

    private func missing(_ path: TreePath) -> StorageError {
        StorageError(.notFound, expected: "an object", found: "none of that name", at: "/\(logicalPath)/\(path)")
    }

    private func place(_ path: TreePath) throws(StorageError) -> Place {
        var rest = path.parts[...]
        var space = namespace
        if space == nil {
            guard let first = rest.popFirst() else { return .root }
            space = RadosPath.namespace(of: first)
        }
        guard let space else { throw missing(path) }
        guard let folder = rest.popFirst() else { return .namespace(space) }
        guard let shard = RadosPath.shard(of: folder) else { throw missing(path) }
        return .folder(space, shard, rest)
    }

    private func tree(_ namespace: [UInt8], _ number: UInt8) -> ShardTree? {
        shard.withLock { known in
            if let known, known.namespace == namespace, known.shard == number { return known.tree }
            guard let tree = listing.shard(number, of: namespace) else { return nil }
            known = (namespace, number, tree)
            return tree
        }
    }

    private func object(_ path: TreePath) throws(StorageError) -> (object: RadosObject, part: RadosPath.Part) {
        guard let found = RadosPath.object(at: path, in: namespace) else { throw missing(path) }
        return found
    }

    func metadata(of path: TreePath) throws -> FileMetadata {
        switch try place(path) {
        case .root: return ObjectMetadata.folder
        case .namespace(let space):
            guard namespace != nil || listing.shards(of: space) != nil else { throw missing(path) }
            return ObjectMetadata.folder
        case .folder(let space, let shard, let rest):
            if tree(space, shard)?.folders[Array(rest)] != nil { return ObjectMetadata.folder }
            let (object, part) = try object(path)
            guard let facts = try view.facts(object), part == .data || facts.hasOmap else { throw missing(path) }
            return ObjectMetadata.of(facts, part)
        }
    }

    func list(_ directory: TreePath) throws -> TreeListing {
        func folders(_ names: [FileName]) -> TreeListing {
            TreeListing(entries: names.sorted().map { TreeEntry(name: $0, metadata: ObjectMetadata.folder) })
        }
        switch try place(directory) {
        case .root:
            let names = listing.namespaces.map { RadosPath.folder(namespace: $0) }
            var found = folders(names.filter { $0.bytes.count <= 255 })
            found.failures = names.filter { $0.bytes.count > 255 }.map { name in
                let error = StorageError(
                    .unsupported, expected: "a namespace whose name fits a folder's", found: name.bytes.count.counted("byte"),
                    at: "\(name)",
                    advice: "declare a system with `namespace:` for it")
                return (name, error)
            }
            return found
        case .namespace(let space):
            guard let shards = listing.shards(of: space) else {
                guard namespace != nil else { throw missing(directory) }
                return TreeListing(entries: [])
            }
            return folders(shards.map { RadosPath.folder(shard: $0) })
        case .folder(let space, let shard, let rest):
            guard let folder = tree(space, shard)?.folders[Array(rest)] else { throw missing(directory) }
            return try list(folder)
        }
    }

    /// What is not there in the view is left out: it was made after the snapshot, or was removed before.
    private func list(_ folder: ShardTree.Folder) throws -> TreeListing {
        var found = TreeListing(entries: folder.folders.map { TreeEntry(name: $0, metadata: ObjectMetadata.folder) })
        for start in stride(from: 0, to: folder.objects.count, by: Self.probes) {
            let asked = try folder.objects[start..<min(start + Self.probes, folder.objects.count)].map {
                ($0, try ObjectProbe($0, in: view))
            }
            for (object, probe) in asked {
                guard let name = RadosPath.parts(object).last else { continue }
                let facts: ObjectFacts?
                do { facts = try probe.facts() } catch {
                    guard !isAway(after: error) else { throw error }
                    found.failures.append((name, error))
                    continue
                }
                guard let facts else { continue }
                found.entries.append(TreeEntry(name: name, metadata: ObjectMetadata.of(facts, .data)))
                guard facts.hasOmap, let omap = RadosPath.parts(object, .omap).last else { continue }
                found.entries.append(TreeEntry(name: omap, metadata: ObjectMetadata.of(facts, .omap)))
            }
            (working ?? StillWorking.current)?.say()
        }
        found.entries.sort { $0.name < $1.name }
        return found
    }

    func confirm() throws { try confirmation() }

    /// A cluster that does not answer is no trouble of one object.
    func isAway(after error: StorageError) -> Bool { error.kind == .unavailable }

    func open(_ file: TreePath) throws -> any FileReader {
        let (object, part) = try object(file)
        return switch part {
        case .data: try ObjectReader(object, in: view)
        case .omap: try OmapReader(object, in: view)
        }
    }
}
