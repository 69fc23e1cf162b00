import Crypto
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
    /// Blobs that no index lists.
    private(set) var lost: Set<BlobKey> = []

    init(files: SealedFiles, loader: BlobLoader, dryRun: Bool) {
        self.files = files
        self.loader = loader
        self.dryRun = dryRun
        writer = PackWriter(files: files)
    }

    static let tag = "repaired"

    /// New trees are stored by `finish`, before the snapshot itself may be.
    mutating func tree(of snapshot: Snapshot, _ report: inout SnapshotRepairReport) async throws -> ObjectID {
        let root = try snapshot.treeID()
        return try await repair(root, TreePath(), &report)
    }

    mutating func finish() async throws { try await writer.finish() }

    private mutating func repair(_ id: ObjectID, _ path: TreePath, _ report: inout SnapshotRepairReport) async throws -> ObjectID {
        try Task.checkCancellation()
        if let before = known[id], before == id { return id }
        guard let tree = try await load(id) else {
            report.emptied.append(path)
            return try await store(Tree(nodes: []))
        }
        var (nodes, isChanged) = (NodeList(), false)
        for node in tree.nodes {
            let repaired = try await repair(node, path.appending(node.name), &report)
            isChanged = isChanged || repaired.name != node.name || repaired.subtree != node.subtree
            nodes.append(repaired)
        }
        guard isChanged else {
            known[id] = id
            return id
        }
        return try await store(Tree(nodes: nodes.sorted { $0.name < $1.name }))
    }

    /// A tree; nil for one that is lost. What a pack is said to hold and does not give out is not lost yet: that pack comes first.
    private mutating func load(_ id: ObjectID) async throws -> Tree? {
        let key = BlobKey(kind: .tree, id: id)
        guard loader.index.contains(key) else {
            lost.insert(key)
            return nil
        }
        do { return try await loader.loadTree(id) } catch let error as RepositoryError where error.kind == .damaged {
            try await loader.prove(key)
            return nil  // whole, and no list
        }
    }

    private mutating func repair(_ node: Node, _ path: TreePath, _ report: inout SnapshotRepairReport) async throws -> Node {
        var node = node
        if let subtree = node.subtree { node.subtree = try await repair(subtree, path, &report) }
        guard node.type == "file" || node.content != nil, case let content = node.content ?? [] else { return node }
        guard try await loader.length(of: content) != node.size else { return node }
        report.incomplete.append(path)
        let sizes = try await loader.sizes(of: content)
        for id in content where !loader.index.contains(BlobKey(kind: .data, id: id)) { lost.insert(BlobKey(kind: .data, id: id)) }
        node.content = content.filter { sizes[$0] != nil }
        node.size = content.reduce(0) { $0 + UInt64(sizes[$1] ?? 0) }
        node.name = FileName(bytes: node.name.bytes + Array(".incomplete".utf8))
        return node
    }

    private mutating func store(_ tree: Tree) async throws -> ObjectID {
        guard !dryRun else { return SHA256.digest(tree.encoded) }
        return try await writer.add(tree)
    }
}
