import Basics
import Foundation
import PostgreSQL
import StepKit

/// One session in backup mode (PostgreSQL manual 26.3.3): what is copied between its start and its stop is a base backup. When the
/// session is lost, so is the backup.
struct BackupSession: Sendable {
    private let connection: Connection
    let processID: Int
    /// The cluster's identifier.
    let system: String
    let dataFolder: String
    let startedAt: String
    /// By this host's clock, whole seconds since 1970.
    let openedAt: Int64
    let segmentBytes: Int
    /// The copies of the window fetch its WAL later.
    let keeper: WALKeeper

    /// The session's name on the server: by it anybody can end it.
    static func name(_ key: String) -> String { "snappy-flow \(key)" }

    init(_ server: PostgreSQLServer, key: String, fast: Bool) async throws {
        connection = try await Connection.connect(server.connection(name: Self.name(key)))
        let about = try await connection.query(ServerQuery.backupSession.text).first
        guard let about, let folder: String = try about.find("data_folder") else {
            throw StepError(
                .failed, expected: "to see where the data folder is", found: "no right to", at: server.place,
                advice: "GRANT pg_read_all_settings TO \(server.user)")
        }
        processID = try about.get("pid")
        segmentBytes = try about.get("segment_bytes")
        keeper = try await WALKeeper.start(server.connection(name: WALKeeper.name(key)))
        system = keeper.system
        dataFolder = folder
        openedAt = Int64(Date.now.timeIntervalSince1970)
        let row = try await connection.query(ServerQuery.backupStart.text, [.text("snappy-flow \(key)"), .bool(fast)]).first
        startedAt = try row?.get("position") ?? ""
    }

    /// Ends the backup. Returns the label and the tablespace map that the copy needs, and where the backup ends.
    func stop() async throws -> (label: String, tablespaces: String, position: String) {
        guard let row = try await connection.query(ServerQuery.backupStop.text).first else {
            throw StepError(.failed, expected: "a backup label", found: "none", at: "pg_backup_stop")
        }
        return (try row.get("label"), try row.find("tablespaces") ?? "", try row.get("position"))
    }
}
