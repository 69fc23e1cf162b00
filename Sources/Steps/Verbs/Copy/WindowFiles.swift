import FlowModel
import Glibc
import StepKit
import StorageKit

/// What the thaws of a window give to the copies of its snapshots: files without which what was copied is worth nothing, such as a
/// database's backup label.
///
/// A thaw's output of a system may hold `files`, absolute path to text; a copy whose tree contains such a path's folder holds the file. It
/// may hold `lost`, why the freeze did not last: then the window's snapshots are void.
struct WindowFiles: Sendable {
    static let output = "files"
    static let lost = "lost"

    private let files: [TreePath: [UInt8]]

    /// Of the window in which `snapshot` was taken. Throws when a freeze of it was lost.
    init(of snapshot: StepID, _ context: StepContext) throws(StepError) {
        var files: [TreePath: [UInt8]] = [:]
        let window = context.plan.step(snapshot)?.window
        for step in context.plan.steps where window != nil && step.window == window && step.isCompensation {
            for (system, output) in context.outputs[step.id]?["systems"]?.objectValue ?? [:] {
                if let reason = output[Self.lost]?.stringValue {
                    throw StepError(
                        .windowVoid, expected: "\(system) to rest until the snapshots were taken", found: reason, at: "step \(step.id)",
                        advice: "retry the job: it takes the window anew")
                }
                for (path, text) in output[Self.output]?.objectValue ?? [:] {
                    files[TreePath(path)] = Array((text.stringValue ?? "").utf8)
                }
            }
        }
        self.files = files
    }

    /// The tree with the files that belong into it.
    func adding(to reader: any TreeReader) -> any TreeReader {
        let root = reader.logicalPath.parts
        let own = files.filter { $0.key.parts.count > root.count && $0.key.parts.starts(with: root) }
        guard !own.isEmpty else { return reader }
        return CompletedTree(
            base: reader,
            files: Dictionary(uniqueKeysWithValues: own.map { (TreePath(Array($0.key.parts.dropFirst(root.count))), $0.value) }))
    }
}

/// A tree with a few files more, which stand in for those of the same name.
private struct CompletedTree: TreeReader {
    let base: any TreeReader
    let files: [TreePath: [UInt8]]

    var logicalPath: TreePath { base.logicalPath }

    func metadata(of path: TreePath) throws -> FileMetadata {
        guard let bytes = files[path] else { return try base.metadata(of: path) }
        return try metadata(bytes, in: TreePath(Array(path.parts.dropLast())))
    }

    func list(_ directory: TreePath) throws -> TreeListing {
        var listing = try base.list(directory)
        let added = files.filter { $0.key.parts.dropLast().elementsEqual(directory.parts) }
        guard !added.isEmpty else { return listing }
        listing.entries.removeAll { added[directory.appending($0.name)] != nil }
        for (path, bytes) in added {
            guard let name = path.parts.last else { continue }
            listing.entries.append(TreeEntry(name: name, metadata: try metadata(bytes, in: directory)))
        }
        listing.entries.sort { $0.name < $1.name }
        return listing
    }

    func open(_ file: TreePath) throws -> any FileReader {
        guard let bytes = files[file] else { return try base.open(file) }
        return TextFile(bytes, try metadata(of: file))
    }

    /// Its folder's owner and time; only the owner may read it.
    private func metadata(_ bytes: [UInt8], in folder: TreePath) throws -> FileMetadata {
        let above = try base.metadata(of: folder)
        return FileMetadata(
            kind: .file, permissions: 0o600, userID: above.userID, groupID: above.groupID, user: above.user, group: above.group,
            deviceID: above.deviceID, size: Int64(bytes.count), modified: above.modified)
    }
}

private final class TextFile: FileReader {
    private var rest: ArraySlice<UInt8>
    private let listed: FileMetadata

    init(_ bytes: [UInt8], _ metadata: FileMetadata) {
        rest = bytes[...]
        listed = metadata
    }

    func metadata() throws -> FileMetadata { listed }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = min(buffer.count, rest.count)
        buffer.copyBytes(from: rest.prefix(count))
        rest = rest.dropFirst(count)
        return count
    }

    func close() {}
}
