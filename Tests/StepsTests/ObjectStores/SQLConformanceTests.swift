import Basics
import Rigs
import Testing

// One after the other: a server of one process gets enough of one at a time, while the other suites run beside.
@Suite(.serialized) struct SQLConformanceTests {
    @Test(arguments: StoreCheck.all(of: .sql)) func keeps(_ sample: StoreSample, _ check: StoreCheck) async throws {
        try await check(sample)
    }
}

extension StoreSample {
    static let sql = StoreSample(name: "sql", type: "sql", isResticsToo: false) { name, folder in
        let server = try await database.value
        return Place(
            settings: [
                "host": .string(server.socketFolder), "user": "keeper", "userPassword": try folder.secret("key", "geheim"),
                "database": "backups", "name": .string(name),
            ],
            pieces: {
                let count = try await server.value(
                    "SELECT count(*)::text AS value FROM snappy_flow_pieces WHERE repository = '\(name)'", database: "backups")
                return count == "0" ? "" : count ?? "no table"
            })
    }

    /// A server whose user has a database and nothing else.
    static let database = Task {
        let server = try await PostgreSQLServerRig.start()
        try await server.execute("CREATE ROLE keeper LOGIN PASSWORD 'geheim'")
        try await server.execute("CREATE DATABASE backups OWNER keeper")
        return server
    }
}
