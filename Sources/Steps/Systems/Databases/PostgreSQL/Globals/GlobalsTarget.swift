import Basics
import PostgreSQL

/// What the server that is restored to has already.
struct GlobalsTarget: Sendable {
    struct Pair: Hashable, Sendable {
        var role: ExactText
        var member: ExactText
    }

    var version: Int
    var roles: Set<ExactText>
    var tablespaces: Set<ExactText>
    /// Who is a member of what, and whether it may pass that on.
    var memberships: [Pair: Bool]
    /// Who may change a setting, by its name in lower case: `user`, `superuser`, ...
    var settingContexts: [String: String]

    init(_ connection: Connection) async throws {
        version = await connection.serverVersion
        roles = try await connection.query(ServerQuery.roleNames.text).map { try $0.get("name", as: String.self) }.exact
        tablespaces = try await connection.query(ServerQuery.tablespaceNames.text).map { try $0.get("name", as: String.self) }.exact
        memberships = [:]
        for row in try await connection.query(ServerQuery.memberships.text) {
            memberships[Pair(role: ExactText(try row.get("role")), member: ExactText(try row.get("member")))] = try row.get("admin")
        }
        settingContexts = [:]
        for row in try await connection.query(ServerQuery.settingContexts.text) {
            settingContexts[try row.get("name")] = try row.get("context", as: String.self)
        }
    }

    /// Options of a membership of their own came with 16.
    var hasMembershipOptions: Bool { version >= 160_000 }
}
