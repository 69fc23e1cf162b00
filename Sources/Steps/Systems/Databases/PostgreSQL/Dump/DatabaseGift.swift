import Basics
import PostgreSQL

/// What a restored database gets of what the copied one had beside its content: each by a statement of ours, with values in it that the server quotes.
/// What the server or the user can't have is left out, and told.
struct DatabaseGift: Sendable {
    let properties: DatabaseProperties
    /// Also privileges.
    let isKept: Bool
    /// The owner that it has got; nil for the user.
    let owner: String?
    /// Those that the server has.
    let roles: Set<ExactText>

    /// Within a transaction. Returns what is left out, for people.
    func give(to database: String, _ connection: Connection) async throws -> [String] {
        var left = properties.unknown
        /// What fails is undone alone.
        func attempt(_ what: String, _ statements: [(ServerQuery, [SQLValue])]) async throws {
            try await connection.execute(script: "SAVEPOINT gift")
            do {
                for (query, parameters) in statements { try await connection.make(query, parameters) }
                try await connection.execute(script: "RELEASE gift")
            } catch let error as PostgreSQLError where error.sqlState != nil && !error.isConnectionLost {
                try await connection.execute(script: "ROLLBACK TO gift; RELEASE gift")
                left.append("\(what): \(error.found.split(whereSeparator: \.isNewline).joined(separator: " "))")
            }
        }
        func isHere(_ role: String?, _ what: String) -> Bool {
            guard let role, !roles.contains(ExactText(role)) else { return true }
            left.append("\(what): no role \(GlobalsPlan.shown(role)) here; make it and restore again")
            return false
        }
        let name = SQLValue.text(database)
        for setting in properties.settings {
            try await attempt(
                "setting \(GlobalsPlan.shown(setting.name))",
                [(.databaseSetting, [name, .null, .text(setting.name), .texts(setting.values)])])
        }
        for (role, setting) in properties.roleSettings.map({ ($0.role, $0.setting) }) {
            let what = "setting \(GlobalsPlan.shown(setting.name)) of role \(GlobalsPlan.shown(role))"
            guard isHere(role, what) else { continue }
            try await attempt(what, [(.databaseSetting, [name, .text(role), .text(setting.name), .texts(setting.values)])])
        }
        if let comment = properties.comment { try await attempt("comment", [(.databaseProperty, [name, .null, .text(comment), .null])]) }
        if let limit = properties.connectionLimit {
            try await attempt("connection limit \(limit)", [(.databaseProperty, [name, .int(limit), .null, .null])])
        }
        if properties.isTemplate { try await attempt("being a template", [(.databaseProperty, [name, .null, .null, true])]) }
        for label in properties.labels {
            try await attempt(
                "security label of \(GlobalsPlan.shown(label.provider))",
                [(.labelStatement, [.text(label.provider), "DATABASE", name, .text(label.text)])])
        }
        guard isKept else { return left }
        for privilege in properties.privileges {
            let grant = privilege.grant
            let words = grant.privileges.joined(separator: ", ")
            let what = "\(words) \(grant.isGiven ? "for" : "taken from") \(grant.grantee.map(GlobalsPlan.shown) ?? "everybody")"
            guard isHere(grant.grantee, what), isHere(privilege.grantor, what) else { continue }
            let grantor = privilege.grantor ?? owner
            try await attempt(
                what,
                [
                    (.grantorStatement, [.text(grantor)]),
                    (
                        .grantStatement,
                        [.bool(grant.isGiven), .text(words), "DATABASE", name, .text(grant.grantee), .bool(grant.isGrantable)]
                    ),
                    (.grantorStatement, [.null]),
                ])
        }
        return left
    }
}
