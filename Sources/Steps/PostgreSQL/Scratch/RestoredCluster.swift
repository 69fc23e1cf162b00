import FlowModel
import Foundation
import StepKit
import StorageKit

/// A cluster in a restored tree, as a base backup holds it (`data` with `tablespaces` beside it) or as a snapshot of its folder does.
struct RestoredCluster: Sendable {
    /// The restored tree.
    let root: String
    /// The data folder in it.
    let data: String

    /// Nil for a tree that holds no cluster.
    init?(in root: String) throws(StepError) {
        let found = Self.dataFolders(in: root)
        let labelled = found.filter { FileManager.default.fileExists(atPath: "\($0)/\(DataFolderFiles.label)") }
        guard let data = labelled.first ?? found.first else { return nil }
        guard found.count == 1 || labelled.count == 1 else {
            throw StepError(
                .verification, expected: "one cluster in the copy", found: found.joined(separator: ", "), at: root,
                advice: "copy the clusters one by one")
        }
        self.root = root
        self.data = data
    }

    /// Those that lie least deep; links are not followed.
    private static func dataFolders(in root: String) -> [String] {
        var level = [root]
        for _ in 0..<12 {
            let found = level.filter { folder in
                ["PG_VERSION", "\(DataFolderFiles.control)"].allSatisfy { FileManager.default.fileExists(atPath: "\(folder)/\($0)") }
            }
            if !found.isEmpty || level.isEmpty { return found }
            level = level.flatMap { folder in
                let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
                return names.sorted().map { "\(folder)/\($0)" }.filter { kind(of: $0) == S_IFDIR }
            }
        }
        return []
    }

    /// Makes it safe to start: nothing in it leads outside of the copy, no setting of the copy's own counts, and it does not go on as a standby.
    func confine() throws {
        for name in ["standby.signal", "recovery.signal", "postgresql.auto.conf"] { unlink("\(data)/\(name)") }
        chmod(data, 0o700)
        try moveTablespaces()
        let links = "\(data)/\(DataFolderFiles.tablespaceLinks)"
        for case let name as String in FileManager.default.enumerator(atPath: data) ?? .init() {
            let path = "\(data)/\(name)"
            guard Self.kind(of: path) == S_IFLNK, !isInside(path) else { continue }
            guard path.hasPrefix(links + "/") else {
                // Of logs, settings and the like; what the server itself needs it will miss.
                unlink(path)
                continue
            }
            throw StepError(
                .verification, expected: "every tablespace in the copy", found: "one outside of it: \(name)", at: data,
                advice: "copy the cluster with `method: base`, or snapshot a folder that holds its tablespaces too")
        }
    }

    /// The server makes its links to tablespaces by the map, where there is one: it is made to say where they lie in the copy.
    private func moveTablespaces() throws {
        let file = "\(data)/\(DataFolderFiles.tablespaceMap)"
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return }
        var map = TablespaceMap(text)
        for index in map.entries.indices {
            let entry = map.entries[index]
            guard let place = relocated(entry.location) else {
                throw StepError(
                    .verification, expected: "tablespace \(entry.oid) in the copy", found: "none that was at \(entry.location)", at: root,
                    advice: "copy the cluster with `method: base`, or snapshot a folder that holds its tablespaces too")
            }
            map.entries[index].location = place
            unlink("\(data)/\(DataFolderFiles.tablespaceLinks)/\(entry.oid)")
        }
        try map.text.write(toFile: file, atomically: true, encoding: .utf8)
    }

    /// Where a folder of the server lies in the tree, whose root was some folder above it.
    private func relocated(_ location: String) -> String? {
        let parts = location.split(separator: "/")
        return parts.indices.lazy.map { "\(root)/\(parts[$0...].joined(separator: "/"))" }
            .first { Self.kind(of: $0) == S_IFDIR && Self.holdsTablespace($0) }
    }

    /// `PG_15_202209061`
    private static func holdsTablespace(_ folder: String) -> Bool {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).contains { $0.hasPrefix("PG_") }
    }

    private func isInside(_ link: String) -> Bool {
        guard let target = realpath(link, nil), let top = realpath(root, nil) else { return false }
        defer {
            free(target)
            free(top)
        }
        return String(cString: target).hasPrefix(String(cString: top) + "/")
    }

    private static func kind(of path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & S_IFMT : 0
    }
}
