import Basics
import StorageKit

/// A system of several parts as a backup sees it: a folder with an entry for each, an image as a file of fixed extents, a tree as a folder.
final class PartTree: TreeReader {
    let logicalPath: TreePath
    private let parts: [FileName: Part]
    private let names: [FileName]
    private let folder: FileMetadata

    private enum Part {
        case tree(any TreeReader)
        case image(ImageTree)
    }

    /// Throws where two parts have one name, or one has none.
    init(_ open: [OpenPart], at logicalPath: TreePath, base: ImageBase?, modified: FileTime, _ options: ImageOptions) throws(StorageError) {
        self.logicalPath = logicalPath
        folder = FileMetadata(kind: .directory, permissions: 0o700, modified: modified)
        var parts: [FileName: Part] = [:]
        for part in open {
            let text = part.name.bytes
            guard !text.isEmpty, !text.contains(UInt8(ascii: "/")), !text.contains(0), part.name != ".", part.name != "..",
                parts[part.name] == nil
            else {
                throw StorageError(
                    .invalid, expected: "parts of plain names, each once", found: part.name.printable, at: "/\(logicalPath)",
                    advice: "this is an error in the plug-in; tell its author")
            }
            switch part.content {
            case .tree(let tree): parts[part.name] = .tree(tree)
            case .image(let image):
                let path = logicalPath.appending(part.name)
                parts[part.name] = .image(ImageTree(image, at: path, base: base, modified: modified, options))
            }
        }
        self.parts = parts
        names = parts.keys.sorted()
    }

    /// The image that is recorded as this file; nil for what is no image.
    func image(at path: TreePath) -> ImageTree? {
        guard path.parts.count == 1, case .image(let image)? = parts[path.parts[0]] else { return nil }
        return image
    }

    /// What became of the images, by their parts' names.
    var reports: [FileName: ImageReport] {
        parts.compactMapValues { part -> ImageReport? in
            guard case .image(let image) = part else { return nil }
            return image.report
        }
    }

    func note(_ change: (inout ImageReport) -> Void) {
        for case .image(let image) in parts.values { image.note(change) }
    }

    // MARK: reading

    var readsAtOnce: Int { trees.map(\.readsAtOnce).max() ?? 1 }

    private var trees: [any TreeReader] {
        names.compactMap { name -> (any TreeReader)? in
            guard case .tree(let tree)? = parts[name] else { return nil }
            return tree
        }
    }

    func metadata(of path: TreePath) throws -> FileMetadata {
        guard let name = path.parts.first else { return folder }
        if let image = image(at: path) { return image.metadata(of: TreePath()) }
        return try tree(name, path).metadata(of: Self.below(path))
    }

    func list(_ directory: TreePath) throws -> TreeListing {
        guard let name = directory.parts.first else {
            return TreeListing(entries: try names.map { TreeEntry(name: $0, metadata: try metadata(of: TreePath([$0]))) })
        }
        return try tree(name, directory).list(Self.below(directory))
    }

    func open(_ file: TreePath) throws -> any FileReader {
        guard let name = file.parts.first else {
            throw StorageError(.unsupported, expected: "a file", found: "the parts' folder", at: "/\(logicalPath)")
        }
        return try tree(name, file).open(Self.below(file))
    }

    func isAway(after error: StorageError) -> Bool { trees.contains { $0.isAway(after: error) } }

    /// All of them are of one point in time: it counts for none where it is gone for one.
    func confirm() throws {
        for name in names {
            switch parts[name] {
            case .tree(let tree): try tree.confirm()
            case .image(let image): try image.confirm()
            case nil: break
            }
        }
    }

    private func tree(_ name: FileName, _ path: TreePath) throws(StorageError) -> any TreeReader {
        guard case .tree(let tree)? = parts[name] else {
            throw StorageError(.notFound, expected: "a part that is a tree", found: "none of that name", at: "/\(logicalPath)/\(path)")
        }
        return tree
    }

    private static func below(_ path: TreePath) -> TreePath { TreePath(Array(path.parts.dropFirst())) }
}
