import Basics
import PostgreSQL
import StepKit

/// `zero_damaged_pages` and `ignore_checksum_failure`, which a server, a database or a role may have as their default: with them a damaged table is
/// dumped without what is damaged, in silence.
struct DamageSettings: Sendable {
    let server: PostgreSQLServer

    /// What a dump of the database says to be told of damage. Throws where a setting stands that the user may not change.
    func strict(_ database: String) async throws -> [String] {
        let found: Rows
        do {
            found = try await server.connect(to: database).query(ServerQuery.damageSettings.text)
        } catch let error as PostgreSQLError where error.retry != .transient {
            // Who may not connect can't dump either, and is told so then.
            return []
        }
        let names = try found.map { try $0.get("name", as: String.self) }
        guard try found.allSatisfy({ try $0.get("is_ours") }) else {
            throw StepError(
                .damagePassedOver, expected: "a server that fails where it reads a damaged page",
                found: names.map { "\($0) = on" }.joined(separator: ", "), at: "database \(database) at \(server.place)",
                advice:
                    "a dump would lack what is damaged, and not say so: ALTER DATABASE ... RESET \(names.first ?? ""), or ALTER ROLE or "
                    + "ALTER SYSTEM, wherever it was set; or dump as a superuser, who is not bound by it")
        }
        return names.map { "\($0)=off" }
    }
}
