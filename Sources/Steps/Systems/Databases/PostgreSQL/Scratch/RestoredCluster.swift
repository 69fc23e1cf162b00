import Basics
import Glibc
import StepKit
import StorageKit

/// A cluster in a restored tree, as a base backup holds it (`data` with `tablespaces` beside it) or as a snapshot of its folder does.
struct RestoredCluster: Sendable {
    /// The restored tree.
    let root: String
    /// The data folder in it.
    let data: String
    /// The version that it says it is of.
    let major: Int?
    /// True where the server's list of its files is there.
    let hasManifest: Bool
    /// The data folder, below the root.
    private let place: TreePath

    /// Nil for a tree that holds no cluster.
    init?(in root: String) throws {
        let tree = try RestoredTree(root)
        let found = Self.dataFolders(in: tree)
        let labelled = found.filter { tree.isFile($0.appending(DataFolderFiles.label)) }
        guard let place = labelled.first ?? found.first else { return nil }
        guard found.count == 1 || labelled.count == 1 else {
            throw StepError(
                .verification, expected: "one cluster in the copy", found: found.map { "/\($0)" }.joined(separator: ", "), at: root,
                advice: "copy the clusters one by one")
        }
        self.root = root
        self.place = place
        data = place.parts.isEmpty ? root : "\(root)/\(place)"
        let version = tree.read(place.appending("PG_VERSION"), atMost: 16)
        major = version.flatMap { Int(String(decoding: $0.prefix { (0x30...0x39).contains($0) }, as: UTF8.self)) }
        hasManifest = tree.isFile(place.appending(DataFolderFiles.manifest))
    }

    /// Those that lie least deep; links are not followed.
    private static func dataFolders(in tree: RestoredTree) -> [TreePath] {
        var level = [TreePath()]
        for _ in 0..<12 {
            let found = level.filter { folder in
                [TreePath("PG_VERSION"), DataFolderFiles.control].allSatisfy { tree.isFile(TreePath(folder.parts + $0.parts)) }
            }
            if !found.isEmpty || level.isEmpty { return found }
            level = level.flatMap { folder in
                ((try? tree.names(in: folder)) ?? []).map { folder.appending($0) }.filter { tree.isFolder($0) }
            }
        }
        return []
    }

    /// Makes it safe to start: nothing that its server finds leads outside of the copy, no setting of the copy's own counts, and it does not go on as a
    /// standby. Returns the settings that its server needs for that. To be called while nobody else can write in the tree.
    @discardableResult
    func confine() throws -> [String: String] {
        let tree = try RestoredTree(root)
        for name: FileName in ["standby.signal", "recovery.signal", "postgresql.auto.conf", "postmaster.pid"]
        where !tree.isFolder(place.appending(name)) {
            try tree.remove(place.appending(name))
        }
        chmod(data, 0o700)
        let links = place.appending(DataFolderFiles.tablespaceLinks)
        var open = [place] + (try moveTablespaces(tree, links))
        var seen = Set(open)
        while let folder = open.popLast() {
            for name in try tree.names(in: folder) {
                let path = folder.appending(name)
                switch tree.kind(of: path) {
                case S_IFREG: break
                case S_IFDIR: if seen.insert(path).inserted { open.append(path) }
                case S_IFLNK:
                    guard let target = try settle(path, tree, isTablespace: folder == links) else { break }
                    if seen.insert(target).inserted { open.append(target) }
                // Who reads it would wait for ever.
                default: try tree.remove(path)
                }
            }
        }
        let ownTablespaces = ((try? tree.names(in: links)) ?? []).contains { tree.isFolder(links.appending($0)) }
        return ownTablespaces ? ["allow_in_place_tablespaces": "on"] : [:]
    }

    /// Makes a link one that leads straight to where it leads, or removes it. Returns the folder that it leads to.
    private func settle(_ link: TreePath, _ tree: RestoredTree, isTablespace: Bool) throws -> TreePath? {
        let target = tree.target(of: link)
        let isFolder = target.map { tree.isFolder($0) } ?? false
        guard let target, isFolder || (!isTablespace && tree.isFile(target)) else {
            guard !isTablespace else { throw outside("one outside of it: \(link)") }
            // Of logs, settings and the like; what the server itself needs it will miss.
            try tree.remove(link)
            return nil
        }
        try tree.link(link, to: target)
        return isFolder ? target : nil
    }

    /// The server makes its links to tablespaces by the map, where there is one: it is made to say where they lie in the copy. Returns those places.
    private func moveTablespaces(_ tree: RestoredTree, _ links: TreePath) throws -> [TreePath] {
        let file = place.appending(DataFolderFiles.tablespaceMap)
        guard tree.isFile(file) else {
            // Over a link the server would read one that nobody looked at.
            if !tree.isFolder(file) { try tree.remove(file) }
            return []
        }
        guard let bytes = tree.read(file, atMost: Self.mapLimit), bytes.count < Self.mapLimit,
            let text = String(validating: bytes, as: UTF8.self), var map = TablespaceMap(text)
        else {
            throw StepError(
                .verification, expected: "lines of an oid and a folder, in UTF-8", found: "something else", at: "\(root)/\(file)",
                advice: "look who writes what the server answers; copy the cluster with `method: base`")
        }
        guard tree.isFolder(links) else { throw outside("no folder /\(links)") }
        var places: [TreePath] = []
        for index in map.entries.indices {
            let entry = map.entries[index]
            guard let found = relocated(entry.location, tree) else {
                throw outside("none that was at \(entry.location) (\(entry.oid))")
            }
            map.entries[index].location = "\(root)/\(found)"
            places.append(found)
            try tree.remove(links.appending(FileName("\(entry.oid)")))
        }
        try tree.write(map.text, to: file)
        return places
    }

    private static let mapLimit = 1 << 20

    /// Where a folder of the server lies in the tree, whose root was some folder above it: the folder itself, and not what a link leads to.
    private func relocated(_ location: String, _ tree: RestoredTree) -> TreePath? {
        let parts = TreePath(location).parts
        guard !parts.contains(".."), !parts.contains(".") else { return nil }
        return parts.indices.lazy.map { TreePath(Array(parts[$0...])) }.first { TablespaceFolder.isOne($0, tree) }
    }

    private func outside(_ found: String) -> StepError {
        StepError(
            .verification, expected: "every tablespace in the copy", found: found, at: data,
            advice: "copy the cluster with `method: base`, or snapshot a folder that holds its tablespaces too")
    }
}
