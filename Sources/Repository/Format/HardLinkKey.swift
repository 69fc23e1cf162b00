import Crypto

/// What makes two entries of a snapshot names of one file: the same number on the same device, of the same kind and with the same content.
///
/// A number alone is no proof: systems give it out again while a backup runs, trees of several file systems meet in one snapshot, and who writes trees
/// by hand writes what he likes. Entries that differ in what they hold are restored as two.
struct HardLinkKey: Hashable, Sendable {
    private let inode: UInt64
    private let device: UInt64
    private let type: String
    private let size: UInt64
    /// Of the blobs in order, the link's target, the device's number.
    private let content: SHA256Digest

    /// Nil for what has one name only, and for folders.
    init?(_ node: Node) {
        guard node.links > 1, node.inode != 0, node.type != "dir" else { return nil }
        inode = node.inode
        device = node.deviceID
        type = node.type
        size = node.size
        let hash = SHA256()
        for id in node.content ?? [] { id.bytes.withUnsafeBytes { hash.update($0) } }
        node.linkTarget.withUnsafeBytes { hash.update($0) }
        withUnsafeBytes(of: node.device) { hash.update($0) }
        content = hash.finish()
    }
}
