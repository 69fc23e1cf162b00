import Basics
import Foundation
public import StepKit
public import StorageKit

/// An opened system: its capabilities are the protocols that it conforms to, here that of a file tree to read.
public struct HostFactsSystem: System, TreeSource {
    let root: String

    public func withTree<Result: Sendable>(
        of snapshot: SystemSnapshot?, _ context: StepContext, _ body: @Sendable (any TreeReader) async throws -> Result
    ) async throws -> Result {
        try await body(HostFactsTree(root: root))
    }
}

/// The tree: `os-release` and `packages`, made when they are read.
struct HostFactsTree: TreeReader {
    let root: String

    var logicalPath: TreePath { TreePath("host-facts/" + root) }

    func metadata(of path: TreePath) throws -> FileMetadata {
        guard !path.parts.isEmpty else { return FileMetadata(kind: .directory, permissions: 0o755, modified: FileTime(seconds: 0)) }
        return FileMetadata(kind: .file, permissions: 0o644, size: Int64(try content(path).count), modified: FileTime(seconds: 0))
    }

    func list(_ directory: TreePath) throws -> TreeListing {
        TreeListing(entries: try ["os-release", "packages"].map { TreeEntry(name: $0, metadata: try metadata(of: TreePath([$0]))) })
    }

    func open(_ file: TreePath) throws -> any FileReader { HostFact(content: try content(file), metadata: try metadata(of: file)) }

    private func content(_ path: TreePath) throws -> [UInt8] {
        switch path.description {
        case "os-release": return try read("etc/os-release")
        case "packages":
            // One line a package: its name and its version.
            let paragraphs = String(decoding: try read("var/lib/dpkg/status"), as: UTF8.self).split(separator: "\n\n")
            let lines = paragraphs.compactMap { paragraph -> String? in
                func value(_ key: String) -> Substring? {
                    paragraph.split(separator: "\n").first { $0.hasPrefix(key + ": ") }?.dropFirst(key.count + 2)
                }
                guard let name = value("Package"), let version = value("Version") else { return nil }
                return "\(name) \(version)\n"
            }
            return Array(lines.sorted().joined().utf8)
        default:
            throw StorageError(.notFound, expected: "os-release or packages", found: "\(path)", at: root)
        }
    }

    private func read(_ name: String) throws -> [UInt8] {
        let path = root + (root.hasSuffix("/") ? "" : "/") + name
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw StorageError(
                .notFound, expected: "a file of a Debian machine", found: "none that can be read", at: path, advice: "correct `root`")
        }
        return Array(bytes)
    }
}

/// One of the files, being read by one thread.
final class HostFact: FileReader {
    private var rest: ArraySlice<UInt8>
    private let known: FileMetadata

    init(content: [UInt8], metadata: FileMetadata) {
        rest = content[...]
        known = metadata
    }

    func metadata() throws -> FileMetadata { known }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let part = rest.prefix(buffer.count)
        buffer.copyBytes(from: part)
        rest = rest.dropFirst(part.count)
        return part.count
    }

    func close() {}
}
