import Basics
import PostgreSQL
import StepKit

/// Backup mode: the server goes on working, and what is copied of its files meanwhile is a base backup once the label is beside it.
extension PostgreSQLSystem: Quiescing {
    var quiesceKind: QuiesceKind { .session }

    func quiesce(key: String, maxHold: TimeSpan, _ context: StepContext) async throws -> [String: JSONValue] {
        let fast = try settings.value(PostgreSQLType.checkpoint) == "fast"
        let session: BackupSession
        do {
            session = try await BackupSession(server, key: key, fast: fast)
        } catch let error as PostgreSQLError where error.sqlState?.rawValue == "42501" || error.found.contains("replication") {
            var explained = StepError(wrapping: error, at: server.place)
            explained.advice =
                "ALTER ROLE \(server.user) REPLICATION; GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean), pg_backup_stop(boolean) TO \(server.user); GRANT pg_read_all_settings TO \(server.user)"
            throw explained
        }
        sessions.add(session, key: key)
        context.recorder.log(.info, "\(server.place) is in backup mode since \(session.startedAt)")
        return ["dataFolder": .string(session.dataFolder), "startedAt": .string(session.startedAt), "pid": .int(Int64(session.processID))]
    }

    /// Where the session is this process's own, its label goes with the copies of the window. Elsewhere, or when the
    /// session is gone, what is left of it is ended, and the window is void.
    func thaw(key: String, state: [String: JSONValue], _ context: StepContext) async throws -> [String: JSONValue] {
        guard let session = sessions.take(key) else {
            return try await lost("the session of another process", key: key, state, context)
        }
        do {
            let end = try await session.stop()
            sessions.linger(session.keeper, key: key)
            return [
                "label": .string(end.label), "tablespaceMap": .string(end.tablespaces), "dataFolder": .string(session.dataFolder),
                "system": .string(session.system), "openedAt": .int(session.openedAt), "startedAt": .string(session.startedAt),
                "endedAt": .string(end.position),
                "segmentBytes": .int(Int64(session.segmentBytes)), "keeper": .string(WALKeeper.name(key)),
            ]
        } catch let error as PostgreSQLError {
            return try await lost(error.found, key: key, state, context)
        }
    }

    /// Nothing rests any more. The server may be gone with its sessions.
    private func lost(
        _ reason: String, key: String, _ state: [String: JSONValue], _ context: StepContext
    ) async throws -> [String: JSONValue] {
        do {
            _ = try await server.connect().query(ServerQuery.endSessions.text, [.text(BackupSession.name(key))])
        } catch let error as PostgreSQLError {
            context.recorder.log(.warning, "no session could be ended: \(error.found)")
        }
        // Nothing was begun, so nothing is void.
        guard !state.isEmpty else { return [:] }
        context.recorder.log(.error, "the backup session is lost (\(reason)): what was snapshotted is no backup")
        return [Quiesce.lost: .string(reason)]
    }
}
