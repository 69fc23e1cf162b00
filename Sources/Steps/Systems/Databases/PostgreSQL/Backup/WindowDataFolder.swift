import Basics
import Foundation
import StepKit
import StorageKit

/// Where a server's data folder lies in the tree of a snapshot, made sure of by the cluster's own identifier: a label beside another cluster's
/// files would make a backup that starts and is wrong.
struct WindowDataFolder: Sendable {
    /// The data folder, as the server calls it.
    let folder: String
    /// The cluster's identifier, as a decimal number.
    let system: String

    /// The data folder below the tree's root; nil for a tree that holds nothing of it.
    func place(in tree: any TreeReader) throws -> TreePath? {
        for path in Set([folder, Self.resolved(folder)]).sorted() {
            guard let place = Self.places(of: path, in: tree.logicalPath).first?.place else { continue }
            guard let found = try identifier(of: place, in: tree) else { throw absent(place, in: tree) }
            guard found.contains(system) else { throw stranger(place, in: tree, found: found[0]) }
            return place
        }
        // Under another name: by a link or a mount that only the server's host knows.
        if let found = try identifier(of: TreePath(), in: tree), found.contains(system) { return TreePath() }
        return nil
    }

    /// Where a path may lie below a tree's root, also by what its links lead to. Names alone say so: whether it is there, the tree says.
    private static func places(of path: String, in root: TreePath) -> [(place: TreePath, path: String)] {
        var found: [(place: TreePath, path: String)] = []
        for root in [root, TreePath(resolved("/\(root)"))] {
            for path in [path, resolved(path)] where TreePath(path).parts.starts(with: root.parts) {
                found.append((TreePath(Array(TreePath(path).parts.dropFirst(root.parts.count))), path))
            }
        }
        return found
    }

    /// The path of a tablespace that the tree itself holds: no part of it is a link in there. Nil where the tree does not hold it.
    static func tablespace(_ location: String, in tree: any TreeReader) -> String? {
        places(of: location, in: tree.logicalPath).first { TablespaceFolder.isOne($0.place, in: tree) }?.path
    }

    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    /// The first eight bytes of pg_control, in either byte order; nil where there is no such file.
    private func identifier(of place: TreePath, in tree: any TreeReader) throws -> [String]? {
        let reader: any FileReader
        do {
            reader = try tree.open(TreePath(place.parts + DataFolderFiles.control.parts))
        } catch let error as StorageError where error.kind != .accessDenied {
            return nil
        }
        defer { reader.close() }
        var bytes = [UInt8](repeating: 0, count: 8)
        var filled = 0
        while filled < bytes.count {
            let count = try bytes.withUnsafeMutableBytes {
                try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
            }
            guard count > 0 else { return nil }
            filled += count
        }
        let number = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return ["\(number)", "\(number.byteSwapped)"]
    }

    private func absent(_ place: TreePath, in tree: any TreeReader) -> StepError {
        StepError(
            .dataFolderMissing, expected: "the data folder \(folder) in the snapshot",
            found: "no \(DataFolderFiles.control) at /\(place) of it", at: "/\(tree.logicalPath)",
            advice: "snapshot the folder itself: a link in its place holds nothing; take global/pg_control out of `excludes`")
    }

    private func stranger(_ place: TreePath, in tree: any TreeReader, found: String) -> StepError {
        StepError(
            .otherCluster, expected: "the data folder of cluster \(system), which is in backup mode", found: "cluster \(found)",
            at: "/\(tree.logicalPath)/\(place)",
            advice: "quiesce the server that runs on this folder; the worker must be on the server's own host")
    }
}
