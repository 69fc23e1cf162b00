import PostgreSQL

extension Connection {
    /// Has the server write statements, with values in them that it quotes, and runs them one by one: each can only be one.
    func make(_ query: ServerQuery, _ parameters: [SQLValue]) async throws {
        for row in try await self.query(query.text, parameters) { try await self.query(try row.get("statement")) }
    }

    /// Makes an empty database that stores and sorts text as the dumped one did.
    func make(database: String, owner: String?, as definition: DatabaseDefinition?) async throws {
        let options = (definition?.options ?? [:]).sorted { $0.key < $1.key }
        let parameters: [SQLValue] = [.text(database), .text(owner), .texts(options.map(\.key)), .texts(options.map(\.value))]
        try await make(.databaseStatement, parameters)
    }

    func drop(database: String) async throws {
        // A statement that takes no parameters; its name is an identifier in quotes.
        try await execute(script: "DROP DATABASE IF EXISTS \"\(database.replacing("\"", with: "\"\""))\" WITH (FORCE)")
    }
}
