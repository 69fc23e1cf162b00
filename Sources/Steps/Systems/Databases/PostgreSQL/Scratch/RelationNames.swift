import PostgreSQL

/// Says which tables and indexes damaged files are, for a person has to look at those.
struct RelationNames: Sendable {
    /// By the database's name.
    let connection: @Sendable (String) -> ConnectionSettings

    /// The text, with the relations that its paths (`base/16384/16385`, `pg_tblspc/16400/PG_15_202209061/16384/16385`) stand for.
    func explained(_ text: String) async -> String {
        var names: [String] = []
        for file in Self.files(in: text).prefix(5) {
            if let name = try? await name(of: file), !names.contains(name) { names.append(name) }
        }
        return names.isEmpty ? text : "\(names.joined(separator: ", ")): \(text)"
    }

    struct File: Hashable {
        /// 0 for the default.
        var tablespace: Int64
        /// 0 for what all databases share.
        var database: Int64
        var node: Int64
    }

    static func files(in text: String) -> [File] {
        var found: [File] = []
        for word in text.split(whereSeparator: { " \",;()\n|".contains($0) }) {
            let parts = word.split(separator: "/").map { $0.prefix { $0.isNumber } }
            let names = word.split(separator: "/")
            let file: File?
            if let index = names.lastIndex(of: "base"), parts.count > index + 2 {
                file = File(0, parts[index + 1], parts[index + 2])
            } else if let index = names.lastIndex(of: "pg_tblspc"), parts.count > index + 4 {
                file = File(Int64(parts[index + 1]) ?? 0, parts[index + 3], parts[index + 4])
            } else if let index = names.lastIndex(of: "global"), parts.count > index + 1 {
                file = File(1664, "0", parts[index + 1])
            } else {
                file = nil
            }
            if let file, !found.contains(file) { found.append(file) }
        }
        return found
    }

    /// Nothing of the database's own stands in for what is asked.
    private func connect(_ database: String) async throws -> Connection {
        var settings = connection(database)
        settings.searchPath = "pg_catalog, pg_temp"
        return try await Connection.connect(settings)
    }

    private func name(of file: File) async throws -> String? {
        let top = PostgreSQLServer.maintenanceDatabase
        var database = top
        if file.database != 0 {
            let rows = try await connect(top).query(ServerQuery.databaseName.text, [.int(file.database)])
            guard let name: String = try rows.first?.find("name") else { return nil }
            database = name
        }
        let row = try await connect(database).query(
            ServerQuery.relationName.text, [.int(file.tablespace), .int(file.node)]
        ).first
        let name: String? = try row?.find("name")
        return name.map { file.database == 0 ? $0 : "\(database).\($0)" }
    }
}

extension RelationNames.File {
    fileprivate init?(_ tablespace: Int64, _ database: Substring, _ node: Substring) {
        guard let database = Int64(database), let node = Int64(node) else { return nil }
        self.init(tablespace: tablespace, database: database, node: node)
    }
}
