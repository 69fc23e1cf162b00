import Foundation
import Glibc
import Rigs
import StorageKit

@testable import Steps

/// A tree of files, and who takes what of it: restic's own `backup`, and a reader of ours.
final class SelectionBench: Sendable {
    let folder: ScratchFolder
    /// As restic says it: without empty parts.
    let root: String
    let restic: ResticRig

    init() async throws {
        folder = try ScratchFolder("selection")
        root = "/" + TreePath(folder.file("tree")).description
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        restic = try ResticRig(repository: folder.file("repository"), password: "judge", cache: folder.file("cache"))
        try await restic.succeed("init")
    }

    /// Makes a file, and the folders above it. The name may be of any bytes.
    func write(_ name: FileName, _ content: String = "") throws {
        var path = root
        let parts = TreePath(name.bytes.split(separator: UInt8(ascii: "/")).map { FileName(bytes: Array($0)) }).parts
        for part in parts.dropLast() {
            path += "/\(part)"
            guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw ResticRig.Failure(description: "mkdir \(path): \(errno)") }
        }
        let bytes = Array("\(path)/".utf8) + (parts.last?.bytes ?? []) + [0]
        let file = bytes.withUnsafeBufferPointer { pointer in
            pointer.withMemoryRebound(to: CChar.self) { open($0.baseAddress!, O_WRONLY | O_CREAT | O_TRUNC, 0o644) }
        }
        guard file >= 0 else { throw ResticRig.Failure(description: "open \(path): \(errno)") }
        defer { close(file) }
        let text = Array(content.utf8)
        guard Glibc.write(file, text, text.count) == text.count else { throw ResticRig.Failure(description: "write \(path)") }
    }

    /// What `restic backup` would take of the tree, as absolute paths; the folders above the tree are not in it.
    func taken(_ arguments: [String]) async throws -> Set<String> {
        let result = try await restic.run(["backup", "--dry-run", "--verbose=2", "--json"] + arguments + [root])
        guard result.status == 0 else { throw ResticRig.Failure(description: "restic backup \(arguments): \(result.errors)") }
        struct Line: Decodable {
            var action: String?
            var item: String?
        }
        var found: Set<String> = []
        for line in result.output.split(separator: "\n") {
            let line = try JSONDecoder().decode(Line.self, from: Data(line.utf8))
            guard line.action == "new", let item = line.item else { continue }
            let path = item.hasSuffix("/") ? String(item.dropLast()) : item
            if path.hasPrefix(root) { found.insert(path) }
        }
        return found
    }

    /// What ours takes.
    func taken(_ selection: Selection) throws -> Set<String> {
        if selection.patternAgainst(TreePath(root)) != nil { return [] }
        let reader = try FolderReader(path: root, selection: selection)
        var found: Set<String> = [root]
        var pending = [TreePath()]
        while let next = pending.popLast() {
            for entry in try reader.list(next).entries {
                let path = next.appending(entry.name)
                found.insert("\(root)/\(path)")
                if entry.metadata.kind == .directory { pending.append(path) }
            }
        }
        return found
    }
}
