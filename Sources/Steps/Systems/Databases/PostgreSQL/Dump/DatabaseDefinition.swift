import PostgreSQL

/// `CREATE DATABASE` of a dump, as values.
struct DatabaseDefinition: Sendable, Hashable {
    var name: String
    /// `ENCODING`, `LOCALE`, ...: what a database has from its birth.
    var options: [String: String] = [:]
    /// Where it lay, unless with the server's own.
    var tablespace: String?
    /// Words of the statement that are not known here, for people.
    var unknown: [String] = []

    /// What text is stored as and sorted by.
    private static let birthOptions: Set = [
        "encoding", "locale_provider", "locale", "lc_collate", "lc_ctype", "icu_locale", "icu_rules", "builtin_locale",
    ]

    /// Nil when the archive says it in another way than pg_dump does.
    init?(_ archive: DumpArchive) {
        guard let entry = archive.entries.first(where: { $0.kind == "DATABASE" }), let statements = archive.statements(of: entry),
            statements.count == 1
        else { return nil }
        var cursor = StatementCursor(statements[0])
        guard cursor.accept("create", "database"), let name = cursor.name() else { return nil }
        self.name = name
        _ = cursor.accept("with")
        while !cursor.isAtEnd {
            guard let option = cursor.word() else { return nil }
            _ = cursor.accept(symbol: "=")
            guard let value = cursor.value() else { return nil }
            switch option {
            case _ where Self.birthOptions.contains(option): options[option.uppercased()] = value
            case "tablespace": tablespace = value
            // Every database of a restore is made from this one.
            case "template": break
            default: unknown.append("\(option) of the database")
            }
        }
    }
}
