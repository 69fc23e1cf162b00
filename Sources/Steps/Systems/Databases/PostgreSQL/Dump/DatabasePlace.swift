import Basics
import PostgreSQL
import StepKit

/// Where a dump is restored to: a database beside the one that it is to be, which takes that one's name once it is whole. What is replaced
/// stays untouched until then, and nobody finds half a database under a name that he knows.
struct DatabasePlace: Sendable {
    let server: PostgreSQLServer
    /// What the database is to be called.
    let name: String
    /// Of the step: what a try that broke off has left is found by it.
    let key: String

    /// What it is called while it is filled.
    var beside: String { "snappy-flow-new-\(key)" }
    /// What a replaced one is called until it is dropped.
    private var aside: String { "snappy-flow-old-\(key)" }

    /// True where a database has the name, which may be replaced.
    func isTaken() async throws -> Bool {
        guard let row = try await connect().query(ServerQuery.databaseIdentity.text, [.text(name)]).first else { return false }
        guard try row.get("is_ours") else {
            throw refusal("one of this user's, or of a role that he is a member of", "somebody else's", "")
        }
        let (slots, prepared): (Int64, Int64) = (try row.get("slots"), try row.get("prepared"))
        guard slots == 0, prepared == 0 else {
            throw refusal(
                "no replication slot and no prepared transaction in it",
                "\(slots.counted("slot")), \(prepared.counted("prepared transaction"))",
                "drop the slots (pg_drop_replication_slot) and end the transactions (ROLLBACK PREPARED), or ")
        }
        return true
    }

    func holdsSomething() async throws -> Bool {
        try await server.connect(to: name).query(ServerQuery.databaseState.text).first?.get("holds_something") ?? false
    }

    private func refusal(_ expected: String, _ found: String, _ advice: String) -> StepError {
        StepError(
            .notReplaceable, expected: "database \(GlobalsPlan.shown(name)) to be \(expected)", found: found, at: server.place,
            advice: advice + "restore to a `database` that is not there yet")
    }

    /// Makes it, empty, after what an earlier try has left is gone. Returns the owner that it has got, if not the user, and what
    /// could not be had, for people.
    func make(owner: String?, as definition: DatabaseDefinition?) async throws -> (owner: String?, left: [String]) {
        let connection = try await connect()
        for remains in [beside, aside] { try await connection.drop(database: remains) }
        var left = definition?.unknown ?? ["encoding and locale, which can't be read here: it has the server's own"]
        var giver = owner
        if let owner, try await !(connection.query(ServerQuery.ownerState.text, [.text(owner)]).first?.get("may_be_given") ?? false) {
            left.append("owner \(GlobalsPlan.shown(owner)): user \(server.user) is no member of it that inherits its rights")
            giver = nil
        }
        var tablespace = definition?.tablespace
        if let wanted = tablespace {
            let usable = try await connection.query(ServerQuery.usableTablespaces.text).map { try $0.get("name", as: String.self) }
            if !usable.containsExactly(wanted) {
                left.append(
                    "tablespace \(GlobalsPlan.shown(wanted)): none here that user \(server.user) may use; it lies in the default one")
                tablespace = nil
            }
        }
        try await connection.make(database: beside, owner: giver, as: definition, in: tablespace)
        return (giver, left)
    }

    /// Removes what is not whole. Not a child of a cancelled task.
    func clear() async throws {
        try await Task.detached { try await connect().drop(database: beside) }.value
    }

    /// Gives the restored database its name and what belongs to it, and removes one that had the name: all or nothing. Returns what could not be had,
    /// for people, and why a replaced one is left.
    func take(replacing: Bool, _ gift: DatabaseGift) async throws -> (left: [String], remains: String?) {
        let connection = try await connect()
        let ending = replacing ? try await endSessions() : nil
        defer { ending?.cancel() }
        let left = try await connection.transaction { connection in
            if replacing { try await connection.make(.renameStatement, [.text(name), .text(aside)]) }
            try await connection.make(.renameStatement, [.text(beside), .text(name)])
            return try await gift.give(to: name, connection)
        }
        guard replacing else { return (left, nil) }
        do {
            try await connection.drop(database: aside)
        } catch let error as PostgreSQLError where error.sqlState != nil {
            return (left, "the replaced database stays as \(aside), because it can't be dropped: \(error.found)")
        }
        return (left, nil)
    }

    /// Ends sessions in the database that is replaced until it is cancelled: renaming lets no new one in, and waits for those that are there.
    private func endSessions() async throws -> Task<Void, Never> {
        let connection = try await connect()
        return Task {
            while !Task.isCancelled {
                guard (try? await connection.query(ServerQuery.endDatabaseSessions.text, [.text(name)])) != nil else { return }
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// A database is made from another one.
    private func connect() async throws -> Connection { try await server.connect(to: DumpRestore.other(than: name)) }
}
