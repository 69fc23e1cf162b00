import Crypto
public import StorageKit

/// One entry of a snapshot's tree, as it is recorded.
public struct SnapshotEntry: Sendable {
    /// From the snapshot's root.
    public var path: TreePath
    /// `file`, `dir`, `symlink`, `dev`, `chardev`, `fifo`, or a word of a later restic.
    public var type: String
    /// Nil for a type that is not known here.
    public var metadata: FileMetadata?
    /// Bytes of a file; 0 for everything else.
    public var size: UInt64
    /// 64 hex digits: the tree of a folder.
    public var subtree: String?
    let node: Node

    init(_ node: Node, at path: TreePath) {
        self.node = node
        self.path = path
        type = node.type
        metadata = node.metadata
        size = node.size
        subtree = node.subtree?.hex
    }

    /// The blobs of a file's content, in order: 64 hex digits each.
    public var blobs: [String] { (node.content ?? []).map(\.hex) }
}
