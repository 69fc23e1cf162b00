import PostgreSQL

extension Connection {
    /// Has the server write statements, with values in them that it quotes, and runs them one by one: each can only be one.
    func make(_ query: ServerQuery, _ parameters: [SQLValue]) async throws {
        for row in try await self.query(query.text, parameters) { try await self.query(try row.get("statement")) }
    }

    /// Makes an empty database that stores and sorts text as the dumped one did.
    func make(database: String, owner: String?, as definition: DatabaseDefinition?, in tablespace: String? = nil) async throws {
        var options = definition?.options ?? [:]
        options["TABLESPACE"] = tablespace
        let sorted = options.sorted { $0.key < $1.key }
        try await make(
            .databaseStatement, [.text(database), .text(owner), .texts(sorted.map(\.key)), .texts(sorted.map(\.value))])
    }

    func drop(database: String) async throws {
        // A template is not dropped as long as it is one.
        for row in try await query(ServerQuery.databaseIdentity.text, [.text(database)]) where try row.get("is_template") {
            try await make(.databaseProperty, [.text(database), .null, .null, false])
        }
        // A statement that takes no parameters; its name is an identifier in quotes.
        try await execute(script: "DROP DATABASE IF EXISTS \"\(database.replacing("\"", with: "\"\""))\" WITH (FORCE)")
    }
}
