import Basics

/// Who may do what in a private cluster: one role makes databases and administers, another owns the database and does everything else.
///
/// Statements of every day are no superuser's: who could have one of them changed would become the server's Unix user.
struct ClusterRoles: Sendable {
    /// Owns the database, which has its name.
    static let everyday = "snappy_flow"
    /// The cluster's superuser.
    static let administrator = "snappy_flow_admin"

    let folder: ClusterFolder

    func settings(_ role: String, database: String) -> ConnectionSettings {
        folder.settings(role, database: database)
    }

    /// Nothing that another role made takes the place of what a superuser's statement names.
    private func superuser(_ role: String, database: String) -> ConnectionSettings {
        var settings = settings(role, database: database)
        settings.searchPath = "pg_catalog"
        return settings
    }

    /// Sees that roles and database are there, and are each other's. A cluster of an earlier version, whose everyday role was its superuser, is
    /// changed.
    func ensure() async throws {
        let connection = try await administration()
        if try await connection.query(ClusterQuery.everydayRole.text).isEmpty {
            try await connection.execute(script: ClusterQuery.makeEverydayRole.text)
        }
        guard let owner: String = try await connection.query(ClusterQuery.databaseOwner.text).first?.get("owner") else {
            return try await connection.execute(script: ClusterQuery.makeDatabase.text)
        }
        guard owner != Self.everyday else { return }
        let inside = try await Connection.connect(superuser(Self.administrator, database: Self.everyday))
        try await inside.execute(script: ClusterQuery.handOver.text)
    }

    /// The superuser's connection. It has its name since clusters have two roles.
    func administration() async throws -> Connection {
        let superuser = superuser(Self.administrator, database: "postgres")
        do {
            return try await Connection.connect(superuser)
        } catch let error as PostgreSQLError where error.sqlState == .invalidAuthorization {
            let former = try await Connection.connect(self.superuser(Self.everyday, database: "postgres"))
            guard try await former.query(ClusterQuery.isSuperuser.text).first?.get("is_superuser") == true else { throw error }
            try await former.execute(script: ClusterQuery.renameSuperuser.text)
            return try await Connection.connect(superuser)
        }
    }
}
