import StorageKit

/// A tablespace's folder is told by the one in it, which every server makes before it keeps anything there: `PG_15_202209061`.
enum TablespaceFolder {
    static func isOne(_ path: TreePath, _ tree: RestoredTree) -> Bool {
        tree.isFolder(path) && ((try? tree.names(in: path)) ?? []).contains { isVersion($0) && tree.isFolder(path.appending($0)) }
    }

    /// The same of a tree that is to be copied: no part of the path may be a link in it.
    static func isOne(_ path: TreePath, in tree: any TreeReader) -> Bool {
        for count in 0...path.parts.count {
            guard (try? tree.metadata(of: TreePath(Array(path.parts.prefix(count)))))?.kind == .directory else { return false }
        }
        guard let listing = try? tree.list(path) else { return false }
        return listing.entries.contains { isVersion($0.name) && $0.metadata.kind == .directory }
    }

    private static func isVersion(_ name: FileName) -> Bool {
        name.bytes.starts(with: "PG_".utf8) && name.bytes.dropFirst(3).first.map { (0x30...0x39).contains($0) } == true
    }
}
