import Basics
import Foundation
import PostgreSQL
import StepKit
import StorageKit
import Tar

/// One base backup under way: the session that streams it, and the one that makes the server keep its WAL. Used by one thread at a time.
final class BaseBackupRun {
    private let session: ReplicationSession
    /// Holds a temporary slot: the WAL since the backup's start stays until this session ends.
    private let keeper: ReplicationSession
    private let feed: BackupFeed
    private let time: FileTime
    private var archive: (reader: TarReader, root: TreePath)?
    private var owner: FileMetadata?
    private var report: BaseBackupReport
    private var ready: [StreamedEntry] = []
    private var hasData = false
    private var owesRoot = false

    static let data = TreePath("data")
    static let tablespaces = TreePath("tablespaces")

    init(
        connection: ConnectionSettings, checkpoint: String, key: String, time: FileTime, stopMark: ReplicationSession.StopMark,
        log: @Sendable (LogLevel, String) -> Void
    ) throws {
        self.time = time
        keeper = try WALKeeper.session(connection, isStopped: stopMark)
        guard keeper.serverVersion >= 150_000 else {
            throw StepError(
                .failed, expected: "PostgreSQL 15 or newer", found: "version \(keeper.serverVersion / 10000)", at: connection.description,
                advice: "copy it with `method: dump`, or upgrade the server")
        }
        let identity = try keeper.run("IDENTIFY_SYSTEM")?.first
        session = try ReplicationSession(connection, isStopped: stopMark)
        report = BaseBackupReport(
            system: try identity?.get("systemid") ?? "", serverVersion: session.serverVersion, startedAt: "", endedAt: "", timeline: "",
            tablespaces: [:])
        let label = "snappy-flow \(key)".replacing("'", with: "''")
        // The WAL comes with the copy: an archive that is out of order holds nothing up.
        try session.send("BASE_BACKUP (LABEL '\(label)', CHECKPOINT '\(checkpoint)', WAL true, WAIT false, MANIFEST 'yes')")
        feed = BackupFeed(session)
        try begin()
        log(.info, "base backup of system \(report.system) starts at \(report.startedAt), timeline \(report.timeline)")
    }

    /// Two tables come before the data: where the backup starts, and the tablespaces.
    private func begin() throws {
        guard case .rows(let start)? = try session.next(), let first = start.first, case .rows(let spaces)? = try session.next(),
            case .copyOut? = try session.next()
        else { throw stranger }
        report.startedAt = try first.get("recptr")
        report.timeline = try first.get("tli")
        for row in spaces {
            if let oid = try row.find("spcoid", as: String.self) { report.tablespaces[oid] = try row.get("spclocation") }
        }
    }

    func next() throws -> StreamedEntry? {
        while true {
            if !ready.isEmpty { return ready.removeFirst() }
            if let archive {
                if let header = try archive.reader.next() { return try entry(header, archive.reader, archive.root) }
                self.archive = nil
            }
            guard let part = try feed.nextPart() else { return try end() }
            switch part {
            case .archive(let name, let location):
                let root = try location.isEmpty ? Self.data : Self.tablespaces.appending(oid(of: name))
                owesRoot = true
                archive = (TarReader(name) { [feed] in try feed.read(into: $0) }, root)
                if location.isEmpty { hasData = true }
            case .manifest:
                let metadata = metadata(.file, permissions: 0o600, size: FileMetadata.unknownSize)
                return StreamedEntry(
                    path: Self.data.appending("backup_manifest"), metadata: metadata,
                    content: StreamedContent(metadata) { [feed] in try feed.read(into: $0) })
            }
        }
    }

    /// `16385.tar` is the tablespace 16385's. It becomes a folder's name.
    private func oid(of name: String) throws -> FileName {
        let digits = name.hasSuffix(".tar") ? String(name.dropLast(4)) : name
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), digits.utf8.count <= 10 else { throw stranger }
        return FileName(digits)
    }

    private func entry(_ header: TarHeader, _ reader: TarReader, _ root: TreePath) throws -> StreamedEntry {
        var metadata = header.metadata
        // A server's archives have nothing else; a restore would give it to whoever is root there.
        guard header.hardLink == nil, [.file, .directory, .symbolicLink].contains(metadata.kind), metadata.extendedAttributes.isEmpty else {
            throw StorageError(
                .invalid, expected: "files, folders and links, without attributes",
                found: "\(header.hardLink == nil ? metadata.kind.rawValue : "hard link") \(header.path.printable)", at: "base backup",
                advice: "look at what answers as the server: PostgreSQL never sends such an entry")
        }
        let path = TreePath(root.parts + header.path.parts)
        if owner == nil { owner = metadata }
        if owesRoot {
            // The archives say nothing of the folders that they are of.
            owesRoot = false
            ready.append(StreamedEntry(path: path, metadata: metadata, content: content(metadata, reader)))
            return StreamedEntry(path: root, metadata: self.metadata(.directory, permissions: 0o700))
        }
        if metadata.kind == .symbolicLink, header.path.parts.count == 2, header.path.parts[0] == "pg_tblspc" {
            metadata.linkTarget = Array("../../tablespaces/".utf8) + header.path.parts[1].bytes
        }
        return StreamedEntry(path: path, metadata: metadata, content: content(metadata, reader))
    }

    private func content(_ metadata: FileMetadata, _ reader: TarReader) -> (any FileReader)? {
        metadata.kind == .file ? StreamedContent(metadata) { try reader.readContent(into: $0) } : nil
    }

    private func metadata(_ kind: FileKind, permissions: UInt16, size: Int64 = 0) -> FileMetadata {
        FileMetadata(
            kind: kind, permissions: permissions, userID: owner?.userID ?? 0, groupID: owner?.groupID ?? 0, user: owner?.user ?? "",
            group: owner?.group ?? "", size: size, modified: time)
    }

    /// The server's last word: where the backup ends. Only then it is one.
    private func end() throws -> StreamedEntry? {
        guard report.endedAt.isEmpty else { return nil }
        guard let last = feed.ending?.first else { throw stranger }
        report.endedAt = try last.get("recptr")
        while try session.next() != nil {}
        guard hasData else { throw stranger }
        let bytes = try report.json
        let metadata = metadata(.file, permissions: 0o600, size: Int64(bytes.count))
        var rest = bytes[...]
        let content = StreamedContent(metadata) { buffer in
            let count = min(buffer.count, rest.count)
            buffer.copyBytes(from: rest.prefix(count))
            rest = rest.dropFirst(count)
            return count
        }
        return StreamedEntry(path: TreePath("backup.json"), metadata: metadata, content: content)
    }

    private var stranger: StorageError {
        StorageError(
            .unsupported, expected: "the answers of a base backup", found: "others", at: "the replication connection",
            advice: "look whether something other than PostgreSQL answers there")
    }
}
