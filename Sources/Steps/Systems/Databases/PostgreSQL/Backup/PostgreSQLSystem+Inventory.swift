import Basics
import PostgreSQL
import StepKit

extension PostgreSQLSystem: Inventorying {
    /// Sessions in backup mode, of this system's own user. Slots are temporary: they go with the session that made them.
    func inventory(_ context: SystemContext) async throws -> [Holding] {
        let rows = try await server.connect().query(ServerQuery.backupSessions.text, [.text(BackupSession.name(""))])
        return try rows.compactMap { row -> Holding? in
            guard let key = Holding.key(in: try row.get("name"), after: BackupSession.name("")) else { return nil }
            let (process, client) = (try row.get("pid", as: Int.self), try row.get("client", as: String.self))
            return Holding(
                kind: .freeze, key: key, name: "session \(process) of \(server.user)@\(client) in backup mode on \(server.place)",
                since: Instant(microseconds: try row.get("since", as: Int64.self)))
        }
    }
}
