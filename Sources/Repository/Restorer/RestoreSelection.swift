import Basics
import StorageKit

/// Which paths of a snapshot a restore wants. A pure value.
struct RestoreSelection: Sendable {
    let paths: [TreePath]
    let root: TreePath

    init(_ options: RestoreOptions) {
        paths = options.paths.filter { !$0.parts.isEmpty }
        root = options.root
    }

    /// Where a path of the snapshot lands; nil when it is not wanted itself. A root that is a file, as an image's is, lands under its name.
    func target(of path: TreePath, isDirectory: Bool = true) -> TreePath? {
        if path == root, !isDirectory, let name = path.parts.last { return TreePath([name]) }
        guard path.parts.starts(with: root.parts), path.parts.count > root.parts.count else { return nil }
        guard paths.isEmpty || paths.contains(where: { path.parts.starts(with: $0.parts) || $0.parts.starts(with: path.parts) }) else {
            return nil
        }
        return TreePath(Array(path.parts.dropFirst(root.parts.count)))
    }

    /// Whether the path is the folder that lands at the writer's root, and all of it is wanted.
    func isWholeRoot(_ path: TreePath) -> Bool { path == root && paths.isEmpty }

    /// Whether something wanted may be below.
    func descends(into path: TreePath) -> Bool { root.parts.starts(with: path.parts) || target(of: path) != nil }

    /// Whether a path that is no folder is wanted: only what is chosen, not what leads to it.
    func includes(_ path: TreePath) -> Bool {
        target(of: path, isDirectory: false) != nil && (paths.isEmpty || paths.contains { path.parts.starts(with: $0.parts) })
    }

    /// A chosen path that the snapshot doesn't have: a restore of nothing must not look like a success.
    func nothing(at path: TreePath) -> RepositoryError {
        RepositoryError(
            .noSuchPath, expected: "the path in the snapshot", found: "nothing", at: "/\(path)",
            advice: "list the snapshot's paths with `snappy-flow snapshots ls`, and give the path as it was when it was copied")
    }
}
