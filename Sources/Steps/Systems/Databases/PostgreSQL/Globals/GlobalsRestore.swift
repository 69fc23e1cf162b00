import Basics
import PostgreSQL
import StepKit

/// Makes the roles and tablespaces of a copy, by statements of our own: names and texts are values in them, which the server quotes.
struct GlobalsRestore: Sendable {
    let server: PostgreSQLServer
    let policy: GlobalsPolicy
    let recorder: any StepRecorder

    /// Roles and what they have are made all or none; tablespaces, which know no transaction, one by one. What is there counts as made.
    func run(_ globals: Globals) async throws -> GlobalsPlan {
        let connection = try await server.connect()
        let plan = GlobalsPlan(globals, on: try await GlobalsTarget(connection), policy)
        for line in plan.withheld.prefix(Self.logLimit) { recorder.log(.warning, "not restored: \(line)") }
        for line in plan.leftOut.prefix(Self.logLimit) { recorder.log(.warning, "left out: \(line)") }
        try await connection.transaction { connection in
            for role in plan.roles { try await make(role, connection) }
            for membership in plan.memberships { try await make(membership, connection) }
            // They may name roles.
            for role in plan.roles { try await set(role, connection) }
            for grant in plan.parameterGrants { try await make(grant.grant, on: "PARAMETER", grant.parameter, connection) }
            for label in plan.labels where label.isOfRole { try await make(label, connection) }
        }
        for tablespace in plan.tablespaces { try await make(tablespace, connection) }
        for label in plan.labels where !label.isOfRole { try await make(label, connection) }
        for line in plan.granted.prefix(Self.logLimit) { recorder.log(.warning, "granted: \(line)") }
        recorder.log(
            .info,
            "made \(plan.roles.count.counted("role")) and \(plan.tablespaces.count.counted("tablespace")); those that were there stay as they are"
        )
        return plan
    }

    private static let logLimit = 100

    private func make(_ role: Globals.Role, _ connection: Connection) async throws {
        let what = "role \(GlobalsPlan.shown(role.name))"
        let attributes = RoleAttribute.allCases.map { (role.attributes[$0] ?? ($0 == .inherit) ? "" : "NO") + $0.rawValue }
        try await run(
            .roleStatements,
            [
                .text(role.name), .text(attributes.joined(separator: " ")), .int(role.connectionLimit.map { Int64($0) }),
                .text(role.password),
                .text(role.validUntil), .text(role.comment),
            ], what, connection)
    }

    private func set(_ role: Globals.Role, _ connection: Connection) async throws {
        for setting in role.settings {
            try await run(
                .settingStatement, [.text(role.name), .text(setting.name), .texts(setting.values)],
                "setting \(GlobalsPlan.shown(setting.name)) of role \(GlobalsPlan.shown(role.name))", connection)
        }
    }

    private func make(_ membership: Globals.Membership, _ connection: Connection) async throws {
        func flag(_ value: Bool?) -> SQLValue { value.map { .bool($0) } ?? .null }
        try await run(
            .membershipStatement,
            [
                .text(membership.role), .text(membership.member), .bool(membership.admin), flag(membership.inherit), flag(membership.set),
            ], "membership of \(GlobalsPlan.shown(membership.member)) in \(GlobalsPlan.shown(membership.role))", connection)
    }

    private func make(_ grant: Globals.Grant, on kind: String, _ name: String, _ connection: Connection) async throws {
        try await run(
            .grantStatement,
            [
                .bool(grant.isGiven), .text(grant.privileges.joined(separator: ", ")), .text(kind), .text(name), .text(grant.grantee),
                .bool(grant.isGrantable),
            ], "privileges on \(kind.lowercased()) \(GlobalsPlan.shown(name))", connection)
    }

    private func make(_ tablespace: Globals.Tablespace, _ connection: Connection) async throws {
        let what = "tablespace \(GlobalsPlan.shown(tablespace.name)) in \(GlobalsPlan.shown(tablespace.location))"
        try await run(
            .tablespaceStatements,
            [
                .text(tablespace.name), .text(tablespace.owner), .text(tablespace.location), .text(tablespace.comment),
                .texts(tablespace.options.map(\.name)), .texts(tablespace.options.map { $0.values.joined(separator: ",") }),
            ], what, connection)
        for grant in tablespace.grants { try await make(grant, on: "TABLESPACE", tablespace.name, connection) }
    }

    private func make(_ label: Globals.SecurityLabel, _ connection: Connection) async throws {
        try await run(
            .labelStatement, [.text(label.provider), .text(label.isOfRole ? "ROLE" : "TABLESPACE"), .text(label.name), .text(label.label)],
            "security label on \(GlobalsPlan.shown(label.name))", connection)
    }

    private func run(_ query: ServerQuery, _ parameters: [SQLValue], _ what: String, _ connection: Connection) async throws {
        do {
            try await connection.make(query, parameters)
        } catch let error as PostgreSQLError {
            // Not its own words: the statement that failed may hold a password.
            throw StepError(
                .commandFailed, expected: "\(what) to be made", found: error.found, at: server.origin,
                advice:
                    "restore as a superuser to a server whose host has the folders of the tablespaces, each empty and its user's own; or "
                    + "make what is missing by hand, and leave the rest out with `globals: none`",
                retry: error.retry)
        }
    }
}
