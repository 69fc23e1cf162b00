import Basics
import PostgreSQL
import StepKit

/// What is in a dump runs as whoever restores it: its statements, and functions that constraints, indexes and views call. A user who can take
/// over the server, or run programs on its host, hands that to whoever wrote the dump.
struct RestorePowers: Sendable {
    let server: PostgreSQLServer

    /// Refuses a user that has such powers.
    func requireNone() async throws {
        let powers: [String] = try await server.connect().query(ServerQuery.ownPowers.text).map { try $0.get("power") }
        guard !powers.isEmpty else { return }
        let shown = powers.contains(RoleAttribute.superuser.rawValue) ? [RoleAttribute.superuser.rawValue] : powers
        throw StepError(
            .dumpIsCode, expected: "a user that can't take over the server, because what is in a dump runs as this user",
            found: "user \(server.user): \(shown.joined(separator: ", "))", at: server.origin,
            advice:
                "restore as an ordinary `user` (CREATEDB is enough with `ownership: user`); where whoever administers the copied server, "
                + "and whoever may make functions there, may have this server too, declare `trustDumps: true`")
    }
}
