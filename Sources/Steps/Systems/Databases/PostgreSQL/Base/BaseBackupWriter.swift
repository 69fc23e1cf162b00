import Basics
import StorageKit
import Synchronization

/// Puts a base backup's tree where its server will look for it: `data` into the data folder, each of `tablespaces` into a folder of its own,
/// with the links in `pg_tblspc` pointing there.
struct BaseBackupWriter: TreeWriter {
    let data: any TreeWriter
    let tablespaceFolder: String
    private let tablespaces = OpenTablespaces()
    /// Under this name until everything is there: on half a cluster no server starts.
    static let unfinishedControl = TreePath("global/pg_control.restoring")

    init(data: any TreeWriter, tablespaceFolder: String) {
        self.data = data
        self.tablespaceFolder = tablespaceFolder
    }

    /// The writer of the tablespaces' folder, made when the first is restored.
    private final class OpenTablespaces: Sendable {
        private let writer = Mutex<(any TreeWriter)?>(nil)

        func writer(_ folder: String) throws -> any TreeWriter {
            try writer.withLock { writer in
                if let writer { return writer }
                try FolderTarget.makeFolder(folder)
                let made = try FolderWriter(path: folder, overwrite: false)
                writer = made
                return made
            }
        }
    }

    /// The writer for a path of the copy, and the path below it; nil for what is told to people only.
    private func place(_ path: TreePath) throws -> (writer: any TreeWriter, path: TreePath)? {
        let below = TreePath(Array(path.parts.dropFirst()))
        switch path.parts.first {
        case nil, "backup.json": return nil
        case "data": return (data, below == DataFolderFiles.control ? Self.unfinishedControl : below)
        case "tablespaces": return (try tablespaces.writer(tablespaceFolder), below)
        default:
            throw StorageError(
                .invalid, expected: "a base backup (data, tablespaces, backup.json)", found: "/\(path)", at: "the repository snapshot",
                advice: "restore a copy that was made with `method: base`; dumps go to a system with `method: dump`")
        }
    }

    func makeDirectory(_ path: TreePath) throws {
        guard let (writer, path) = try place(path), !path.parts.isEmpty else { return }
        try writer.makeDirectory(path)
    }

    func createFile(_ path: TreePath, size: Int64) throws -> any FileWriter {
        guard let (writer, path) = try place(path) else { return DroppedFile() }
        return try writer.createFile(path, size: size)
    }

    func createSpecial(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        guard let (writer, path) = try place(path) else { return [] }
        var metadata = metadata
        if metadata.kind == .symbolicLink, path.parts.count == 2, path.parts[0] == "pg_tblspc" {
            metadata.linkTarget = Array((tablespaceFolder + "/").utf8) + path.parts[1].bytes
        }
        return try writer.createSpecial(path, metadata)
    }

    func link(_ path: TreePath, to existing: TreePath) throws {
        guard let (writer, path) = try place(path), let (_, existing) = try place(existing) else { return }
        try writer.link(path, to: existing)
    }

    func setMetadata(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] {
        guard let (writer, below) = try place(path) else { return [] }
        return try writer.setMetadata(below, metadata)
    }

    private struct DroppedFile: FileWriter {
        func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {}
        func finish() throws {}
        func abandon() {}
    }
}
