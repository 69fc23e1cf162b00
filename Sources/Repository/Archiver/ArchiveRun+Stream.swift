import Basics
import StorageKit
import Threads

extension ArchiveRun {
    /// The folders of a stream, open until its end: entries come in any order.
    private final class OpenFolders {
        var folders: [TreePath: OpenFolder] = [:]
        /// In the order of opening.
        var order: [DirectoryAssembly] = []
        var leaves: Set<TreePath> = []
    }

    private struct OpenFolder: Sendable {
        var directory: DirectoryAssembly
        var former: Tree?
    }

    /// Stores a stream's entries as they come below `root`, whose own listing it closes.
    func take(_ stream: any TreeStream, into root: DirectoryAssembly, former: ObjectID?) async throws {
        let open = OpenFolders()
        open.folders[TreePath()] = OpenFolder(directory: root, former: await formerTree(former))
        open.order = [root]
        while true {
            try breakdown.check()
            let turn = try await pool.run { StreamTurn(entry: try stream.next()) }
            guard turn.entry != nil else { break }
            try await take(turn, stream, open)
        }
        let directories = open.order
        try await pool.run { [walkSaver, content] in
            try content.flush()
            for directory in directories.reversed() { try directory.close(walkSaver.saver) }
        }
    }

    private struct StreamTurn: @unchecked Sendable {  // handed from the reading thread to the walk, which waits for it
        let entry: StreamedEntry?
    }

    private func take(_ turn: StreamTurn, _ stream: any TreeStream, _ open: OpenFolders) async throws {
        guard let entry = turn.entry, let name = entry.path.parts.last else { return }
        if let exclude = options.exclude, exclude(entry.path, entry.metadata) { return }
        if entry.metadata.kind == .directory {
            _ = try await folder(entry.path, entry.metadata, open)
            return
        }
        guard open.folders[entry.path] == nil, open.leaves.insert(entry.path).inserted else {
            throw StorageError(
                .invalid, expected: "each name once", found: "a second entry of that name", at: "/\(stream.logicalPath)/\(entry.path)",
                advice: "the source sends what no file system can hold; report it to its maker")
        }
        let above = TreePath(Array(entry.path.parts.dropLast()))
        let made = FileMetadata(kind: .directory, permissions: 0o755, modified: entry.metadata.modified)
        let folder = try await folder(above, made, open)
        guard let node = Node(name, entry.metadata) else { return }
        let slot = folder.directory.reserve()
        let former = folder.former?.node(named: name)
        let path = entry.path
        try await pool.run { [self] in
            guard let content = turn.entry?.content else { return try folder.directory.fill(slot, node, walkSaver.saver) }
            try archive(content, path, node, into: folder.directory, slot: slot, former: former)
        }
    }

    /// The open folder of a path; it and those above it are made where they have not come yet.
    private func folder(_ path: TreePath, _ metadata: FileMetadata, _ open: OpenFolders) async throws -> OpenFolder {
        if let found = open.folders[path] { return found }
        guard !open.leaves.contains(path) else {
            throw StorageError(.invalid, expected: "a folder", found: "something else of that name", at: "/\(path)")
        }
        guard let name = path.parts.last, let node = Node(name, metadata) else {
            preconditionFailure("the root is open from the start, and a folder has a node")
        }
        let above = try await folder(TreePath(Array(path.parts.dropLast())), metadata, open)
        let former = above.former?.node(named: name)?.subtree
        let directory = DirectoryAssembly(node, in: above.directory, slot: above.directory.reserve(), former: former)
        let folder = OpenFolder(directory: directory, former: await formerTree(former))
        open.folders[path] = folder
        open.order.append(directory)
        return folder
    }

    /// A stream that breaks off within a file ends the run, unlike a file that can't be read.
    private func archive(
        _ content: any FileReader, _ path: TreePath, _ node: Node, into directory: DirectoryAssembly, slot: Int, former: Node?
    ) throws {
        counters.reading(path)
        let file = FileAssembly(in: directory, slot: slot, former: former)
        defer { content.close() }
        var node = node
        node.size = try self.content.read(content, into: file)
        try file.finish(node, walkSaver.saver)
    }
}
