import Basics
import PostgreSQL
import StepKit

/// What a server says of itself.
struct ServerCatalog: Sendable {
    private let server: PostgreSQLServer

    init(_ server: PostgreSQLServer) { self.server = server }

    struct Database: Sendable, Hashable {
        var name: String
        /// What its texts are encoded in: `UTF8`, `SQL_ASCII` (any bytes), ... (PostgreSQL manual 24.3.1).
        var encoding: String
        /// Nil where the user may not know.
        var bytes: Int?
        var sizeText: String { bytes.map { ByteCount(bytes: Int64($0)).approximate } ?? "of unknown size" }
    }

    /// Every database that takes connections and is no template, by name.
    func databases() async throws -> [Database] {
        let rows = try await server.connect().query(ServerQuery.databases.text)
        return try rows.map { Database(name: try $0.get("name"), encoding: try $0.get("encoding"), bytes: try $0.find("bytes")) }
    }

    /// `PostgreSQL 15.20, primary, data checksums on`
    func summary() async throws -> String {
        let rows = try await server.connect().query(ServerQuery.server.text)
        guard let row = rows.first else { return "PostgreSQL" }
        let version: String = try row.get("version")
        let isStandby: Bool = try row.get("standby")
        let checksums: String = try row.get("checksums")
        return "PostgreSQL \(version), \(isStandby ? "standby" : "primary"), data checksums \(checksums)"
    }
}
