import Foundation
import PostgreSQL
import Threads

/// A session whose temporary slot makes the server keep its WAL, from the checkpoint before it on, for as long as this object lives.
final class WALKeeper: Sendable {
    private let session: ReplicationSession

    private init(_ session: ReplicationSession) { self.session = session }

    static func start(_ connection: ConnectionSettings) async throws -> WALKeeper {
        try await BlockingPool(label: "wal-keeper", width: 1).run { WALKeeper(try session(connection)) }
    }

    /// Blocks. The slot's name is new each time, so that a repetition never meets the one before.
    static func session(_ connection: ConnectionSettings, isStopped: ReplicationSession.StopMark = .init()) throws -> ReplicationSession {
        let session = try ReplicationSession(connection, isStopped: isStopped)
        let slot = "snappy_flow_" + UUID().uuidString.lowercased().replacing("-", with: "").prefix(20)
        try session.run("CREATE_REPLICATION_SLOT \(slot) TEMPORARY PHYSICAL (RESERVE_WAL true)")
        return session
    }
}
