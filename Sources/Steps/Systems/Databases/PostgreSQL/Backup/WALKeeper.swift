import Foundation
import PostgreSQL
import Threads

/// A session whose temporary slot makes the server keep its WAL, from the checkpoint before it on, for as long as this object lives.
final class WALKeeper: Sendable {
    private let session: ReplicationSession
    /// The cluster's identifier.
    let system: String

    /// The session's name on the server: by it anybody can end it.
    static func name(_ key: String) -> String { prefix + key }
    /// The freeze's key, from a name.
    static func key(_ name: String) -> String? { name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil }
    private static let prefix = "snappy-flow WAL "

    private init(_ connection: ConnectionSettings) throws {
        session = try Self.session(connection)
        system = try session.run("IDENTIFY_SYSTEM")?.first?.get("systemid") ?? ""
    }

    static func start(_ connection: ConnectionSettings) async throws -> WALKeeper {
        try await BlockingPool(label: "wal-keeper", width: 1).run { try WALKeeper(connection) }
    }

    /// Blocks. The slot's name is new each time, so that a repetition never meets the one before.
    static func session(_ connection: ConnectionSettings, isStopped: ReplicationSession.StopMark = .init()) throws -> ReplicationSession {
        let session = try ReplicationSession(connection, isStopped: isStopped)
        let slot = "snappy_flow_" + UUID().uuidString.lowercased().replacing("-", with: "").prefix(20)
        try session.run("CREATE_REPLICATION_SLOT \(slot) TEMPORARY PHYSICAL (RESERVE_WAL true)")
        return session
    }
}
