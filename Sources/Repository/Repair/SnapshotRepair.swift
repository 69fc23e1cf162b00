import Crypto
import Basics
public import StorageKit

/// What a repair did to one snapshot.
public struct SnapshotRepairReport: Sendable {
    public var snapshot: Snapshot
    /// As it is now; nil when nothing was missing, or in a dry run.
    public var repaired: Snapshot?
    /// Files that lost a part of their content, or have another size than their tree says. What is left of them is there under their name with
    /// `.incomplete` behind it.
    public var incomplete: [TreePath] = []
    /// Folders whose tree is lost: they are empty now.
    public var emptied: [TreePath] = []

    /// False where more paths were hit than are named.
    public private(set) var namesAll = true

    private var named = NamedPaths(atMost: 10_000)

    init(snapshot: Snapshot) { self.snapshot = snapshot }

    mutating func name(_ path: TreePath, isFolder: Bool) {
        guard named.admit(path) else {
            namesAll = false
            return
        }
        if isFolder { emptied.append(path) } else { incomplete.append(path) }
    }

    public var isWhole: Bool { incomplete.isEmpty && emptied.isEmpty }
}

/// Makes a snapshot that refers to what is there, from one that refers to what is lost. Nothing takes a whole file's name that is not whole.
struct SnapshotRepair {
    let files: SealedFiles
    let loader: BlobLoader
    /// Trees that were seen, by their ids: what they became.
    private var known: [ObjectID: ObjectID] = [:]
    private var writer: PackWriter
    private let dryRun: Bool
    /// Trees that were stored, each once.
    private var written: Set<ObjectID> = []
    /// Blobs that no index lists: the first of them, for a tree may name any number, and whether there are more.
    private(set) var lost: Set<BlobKey> = []
    private(set) var losesMore = false
    private static let mostLost = 100_000

    init(files: SealedFiles, loader: BlobLoader, dryRun: Bool) {
        self.files = files
        self.loader = loader
        self.dryRun = dryRun
        writer = PackWriter(files: files)
    }

    static let tag = "repaired"

    /// New trees are stored by `finish`, before the snapshot itself may be.
    mutating func tree(of snapshot: Snapshot, _ report: inout SnapshotRepairReport) async throws -> ObjectID {
        try await repair(try snapshot.treeID(), &report)
    }

    mutating func finish() async throws { try await writer.finish() }

    /// A folder that is being repaired, and what of it changed so far.
    private struct Frame {
        var id: ObjectID
        var next = 0
        /// The changed entries, and which they are: those of a folder of millions take no more than its list.
        var changed = NodeList()
        var numbers: [UInt32] = []
        /// The folder in it that is being repaired.
        var open: Node?

        mutating func change(_ node: Node) {
            changed.append(node)
            numbers.append(UInt32(next))
        }
    }

    /// Kept by hand: a hostile tree is deeper than any stack.
    private mutating func repair(_ root: ObjectID, _ report: inout SnapshotRepairReport) async throws -> ObjectID {
        var trees = OpenTrees(loader)
        var path = TreePath()
        var frames: [Frame] = []
        var done: ObjectID?
        var next: ObjectID? = root
        while true {
            try Task.checkCancellation()
            if let id = next {
                next = nil
                // What was named in one place is named in every other; of more than people read, the first.
                if let before = known[id], before == id || !report.namesAll {
                    done = before
                } else if try await enter(id, &trees) {
                    frames.append(Frame(id: id))
                } else {
                    report.name(path, isFolder: true)
                    done = try await store(Tree(nodes: []))
                }
            }
            guard var frame = frames.popLast() else { return done ?? root }
            if let result = done {
                done = nil
                if var folder = frame.open {
                    path.parts.removeLast()
                    frame.open = nil
                    let isOther = folder.subtree != result
                    folder.subtree = result
                    let amiss = try await repair(folder, path, &report)
                    if isOther || amiss != nil { frame.change(amiss ?? folder) }
                    frame.next += 1
                }
            }
            guard frame.next < trees.count else {
                let result = frame.numbers.isEmpty ? frame.id : try await rebuilt(frame, &trees)
                trees.leave()
                if result == frame.id || !report.namesAll { known[frame.id] = result }
                done = result
                if frames.isEmpty { return result }
                continue
            }
            let node = try await trees.node(frame.next)
            if let subtree = node.subtree {
                path.parts.append(node.name)
                frame.open = node
                next = subtree
            } else {
                if let changed = try await repair(node, path, &report) { frame.change(changed) }
                frame.next += 1
            }
            frames.append(frame)
        }
    }

    /// The folder's list with its changed entries, in the order of their names as they are now.
    private mutating func rebuilt(_ frame: Frame, _ trees: inout OpenTrees) async throws -> ObjectID {
        var encoding = TreeEncoding(compresses: files.compress)
        var order = RenamedEntries()
        var changed = 0
        for index in 0..<trees.count {
            let node = try await trees.node(index)
            for ready in order.before(node.name) { encoding.add(ready) }
            if changed < frame.numbers.count, frame.numbers[changed] == index {
                order.add(frame.changed[changed])
                changed += 1
            } else {
                order.add(node)
            }
        }
        for ready in order.rest() { encoding.add(ready) }
        let (key, content, plainLength) = encoding.finish()
        if !dryRun, written.insert(key.id).inserted { try await writer.add(key, content, plainLength: plainLength) }
        return key.id
    }

    /// False for a tree that is lost. What a pack is said to hold and does not give out is not lost yet: that pack comes first.
    private mutating func enter(_ id: ObjectID, _ trees: inout OpenTrees) async throws -> Bool {
        let key = BlobKey(kind: .tree, id: id)
        guard loader.index.contains(key) else {
            lose(key)
            return false
        }
        do {
            try await trees.enter(id)
            return true
        } catch let error as RepositoryError where error.kind == .damaged {
            try await loader.prove(key)
            return false  // whole, and no list
        }
    }

    private mutating func lose(_ key: BlobKey) {
        if lost.count < Self.mostLost { lost.insert(key) } else if !lost.contains(key) { losesMore = true }
    }

    /// A file as it is to be; nil where it stays.
    private mutating func repair(_ node: Node, _ folder: TreePath, _ report: inout SnapshotRepairReport) async throws -> Node? {
        var node = node
        guard node.type == "file" || node.content != nil, case let content = node.content ?? [] else { return nil }
        guard try await loader.length(of: content) != node.size else { return nil }
        report.name(folder.appending(node.name), isFolder: false)
        let sizes = try await loader.sizes(of: content)
        for id in content where !loader.index.contains(BlobKey(kind: .data, id: id)) { lose(BlobKey(kind: .data, id: id)) }
        node.content = content.filter { sizes[$0] != nil }
        node.size = content.reduce(0) { $0 + UInt64(sizes[$1] ?? 0) }
        node.name = RenamedEntries.name(of: node.name)
        return node
    }

    private mutating func store(_ tree: Tree) async throws -> ObjectID {
        let id = SHA256.digest(tree.encoded)
        if !dryRun, written.insert(id).inserted { _ = try await writer.add(tree) }
        return id
    }
}
