import Basics
public import PostgreSQL

/// Brings a schema to the version of this binary, or to another one. Safe to run from many processes at once.
public struct Migrator: Sendable {
    /// A step from one version to the next, and back.
    struct Migration: Sendable {
        var version: Int
        var name: String
        var up: String
        var down: String
    }
    let migrations: [Migration]

    /// Those of this binary.
    public init() { self.init(texts: EmbeddedSQL.migrations) }

    /// `texts`: `0001_name.up` and `0001_name.down` each with its script. A script without its counterpart is a mistake of the build.
    init(texts: [String: String]) {
        migrations = texts.keys.filter { $0.hasSuffix(".up") }.sorted().map { key in
            let base = String(key.dropLast(".up".count))
            guard let version = Int(base.prefix(while: { $0.isNumber })), let up = texts[key], let down = texts[base + ".down"] else {
                preconditionFailure("migration \(key) needs a number and a .down")
            }
            return Migration(version: version, name: String(base.drop(while: { $0 != "_" }).dropFirst()), up: up, down: down)
        }
        precondition(migrations.map(\.version) == Array(1...max(migrations.count, 1)), "migrations are numbered from 1 without gaps")
    }

    /// The version of this binary.
    public var latest: Int { migrations.last?.version ?? 0 }

    /// The schema's version; 0 when it is empty. Takes no lock.
    public func version(_ connection: Connection) async throws -> Int {
        do {
            let rows = try await connection.query("SELECT max(version) AS version FROM schema_migrations")
            return try rows.first?.find("version", as: Int.self) ?? 0
        } catch let error as PostgreSQLError where error.sqlState == .undefinedTable {
            return 0
        }
    }

    /// Migrates up to this binary's version. Returns at once when the schema is there; refuses one that is newer.
    public func migrate(_ connection: Connection) async throws {
        let version = try await version(connection)
        guard version <= latest else { throw tooNew(version) }
        guard version < latest else { return }
        try await move(connection, to: latest)
    }

    /// Migrates up or down to `target`, each step in a transaction of its own.
    public func move(_ connection: Connection, to target: Int) async throws {
        guard (0...latest).contains(target) else {
            throw Explanation(.noSuchVersion, expected: "a version from 0 to \(latest)", found: "\(target)", at: "db migrate")
        }
        var moved = true
        while moved { moved = try await step(connection, towards: target) }
    }

    /// One step under the lock, judged by what the schema is then: others may have moved it meanwhile.
    private func step(_ connection: Connection, towards target: Int) async throws -> Bool {
        // A table may be long, and its lock be waited for.
        try await connection.withAnswers(within: Self.longest) { try await stepLocked($0, towards: target) }
    }

    private static let longest = TimeSpan.hours(12)

    private func stepLocked(_ connection: Connection, towards target: Int) async throws -> Bool {
        try await connection.transaction { connection in
            try await connection.execute(
                script: """
                    SELECT pg_advisory_xact_lock(hashtextextended('snappy-flow migrations in ' || current_schema(), 0));
                    CREATE TABLE IF NOT EXISTS schema_migrations (
                        version integer PRIMARY KEY CHECK (version > 0),
                        name text NOT NULL,
                        applied_at timestamptz NOT NULL DEFAULT now()
                    )
                    """)
            let version = try await version(connection)
            guard version <= latest else { throw tooNew(version) }
            if version < target {
                let migration = migrations[version]
                try await connection.execute(script: migration.up)
                try await connection.query(
                    "INSERT INTO schema_migrations (version, name) VALUES ($1::integer, $2)",
                    [.int(migration.version), .text(migration.name)])
                return true
            }
            if version > target {
                try await connection.execute(script: migrations[version - 1].down)
                try await connection.query("DELETE FROM schema_migrations WHERE version = $1::integer", [.int(version)])
                return true
            }
            return false
        }
    }

    private func tooNew(_ version: Int) -> Explanation { .schemaTooNew(version, latest: latest) }
}
