import Basics
import Foundation
import PostgreSQL
import StepKit
import StorageKit
import Synchronization

/// A cluster's base backup as a stream of files, straight from the replication protocol: nothing is written on the way.
///
/// The tree holds `data` (the data folder, with backup label, manifest and the WAL that makes it consistent), `tablespaces/<oid>`, linked
/// from `data/pg_tblspc`, and `backup.json`. It is whole only when `next` has returned nil.
final class BaseBackup: TreeStream, @unchecked Sendable {  // one call at a time, by the contract of TreeStream; `stop` is atomic
    let logicalPath: TreePath
    private let connection: ConnectionSettings
    private let checkpoint: String
    private let key: String
    private let log: @Sendable (LogLevel, String) -> Void
    private let stopMark = ReplicationSession.StopMark()
    private let time: FileTime
    private var phase = Phase.unopened
    private var run: BaseBackupRun?

    private enum Phase { case unopened, streaming, ended }

    init(
        connection: ConnectionSettings, checkpoint: String, key: String, logicalPath: TreePath,
        log: @escaping @Sendable (LogLevel, String) -> Void
    ) {
        self.connection = connection
        self.checkpoint = checkpoint
        self.key = key
        self.logicalPath = logicalPath
        self.log = log
        time = FileTime(seconds: Int64(Date.now.timeIntervalSince1970))
    }

    /// From any thread: the call that waits for the server ends with `CancellationError`.
    func stop() { stopMark.raise() }

    func metadata(of path: TreePath) throws -> FileMetadata {
        guard path.parts.isEmpty else {
            throw StorageError(
                .notFound, expected: "the backup's root", found: "a stream, which is not browsed", at: "/\(logicalPath)/\(path)")
        }
        return FileMetadata(kind: .directory, permissions: 0o711, modified: time)
    }

    func next() throws -> StreamedEntry? {
        do {
            switch phase {
            case .ended: return nil
            case .unopened:
                let run = try BaseBackupRun(
                    connection: connection, checkpoint: checkpoint, key: key, time: time, stopMark: stopMark, log: log)
                self.run = run
                phase = .streaming
                return try run.next()
            case .streaming:
                guard let run, let entry = try run.next() else {
                    run = nil
                    phase = .ended
                    return nil
                }
                return entry
            }
        } catch let error as PostgreSQLError {
            throw Self.explained(error, at: connection.description)
        }
    }

    /// What the server says of a backup that it can't make, with what to do. Never a `StorageError`: a broken stream is no unreadable file.
    static func explained(_ error: PostgreSQLError, at place: String) -> StepError {
        var explained = StepError(wrapping: error, at: place)
        let found = error.found
        let state = error.sqlState?.rawValue
        if found.contains("has already been removed") || found.contains("could not find any WAL files") || state == "58P01" {
            explained.kind = .walMissing
            explained.expected = "the WAL from the backup's start to its end"
            explained.advice = "let the server keep more of it (max_slot_wal_keep_size, wal_keep_size), or make the copy at a quieter time"
            explained.retry = .transient
        } else if state == "XX001" || found.contains("checksum verification failure") {
            explained.kind = .damagedPages
            explained.expected = "pages with good checksums"
            explained.advice = "the server's own files are damaged: find where in its log or with pg_amcheck, and keep the older copies"
            explained.retry = .permanent
        } else if state == "42501" || found.contains("REPLICATION")
            || found.contains("must be superuser or replication role")
        {
            explained.advice = "give the user the right: ALTER ROLE ... REPLICATION"
            explained.retry = .permanent
        } else if found.contains("no pg_hba.conf entry for replication") {
            explained.advice = "add a line `host replication USER ADDRESS scram-sha-256` to the server's pg_hba.conf and reload it"
            explained.retry = .permanent
        } else if found.contains("max_wal_senders") || found.contains("wal_level") {
            explained.advice = "raise max_wal_senders (two are needed for a backup) and set wal_level to replica or more"
            explained.retry = found.contains("wal_level") ? .permanent : .transient
        }
        return explained
    }
}
