/// One statement of pg_dump's about the database that is dumped.
enum DatabaseStatement: Sendable, Hashable {
    case connectionLimit(Int)
    case isTemplate(Bool)
    case comment(String)
    case setting(Globals.Setting)
    case roleSetting(DatabaseProperties.RoleSetting)
    case label(DatabaseProperties.Label)
    /// Whose the privileges are that are given from here on; nil for the owner.
    case grantor(String?)
    case grant(Globals.Grant)

    /// The kinds of entries that it stands in.
    var kinds: Set<String> {
        switch self {
        case .connectionLimit, .isTemplate, .setting, .roleSetting: ["DATABASE PROPERTIES"]
        case .comment: ["COMMENT"]
        case .label: ["SECURITY LABEL"]
        case .grantor, .grant: ["ACL"]
        }
    }

    /// Nil for any other, and for one about another database.
    init?(_ statement: ScriptStatement, of database: String) {
        var cursor = StatementCursor(statement)
        let parsed: DatabaseStatement?
        if cursor.accept("alter", "database") {
            parsed = cursor.name() == database ? Self.property(&cursor) : nil
        } else if cursor.accept("alter", "role") {
            parsed = Self.roleSetting(&cursor, database)
        } else if cursor.accept("comment", "on", "database") {
            parsed = cursor.name() == database && cursor.accept("is") ? cursor.text().map { .comment($0) } : nil
        } else if cursor.accept("security", "label", "for") {
            parsed = Self.label(&cursor, database)
        } else if cursor.accept("set", "session", "authorization") {
            parsed = cursor.value().map { .grantor($0) }
        } else if cursor.accept("reset", "session", "authorization") {
            parsed = .grantor(nil)
        } else if cursor.accept("grant") {
            parsed = Self.privilege(&cursor, database, isGiven: true)
        } else if cursor.accept("revoke") {
            parsed = Self.privilege(&cursor, database, isGiven: false)
        } else {
            parsed = nil
        }
        guard let parsed, cursor.isAtEnd else { return nil }
        self = parsed
    }

    private static func property(_ cursor: inout StatementCursor) -> DatabaseStatement? {
        if cursor.accept("connection", "limit") {
            _ = cursor.accept(symbol: "=")
            // -1 is none; what is below is no limit of anybody's.
            return cursor.number().flatMap { Int($0) }.flatMap { (-1...Int(Int32.max)).contains($0) ? .connectionLimit($0) : nil }
        }
        if cursor.accept("is_template") {
            _ = cursor.accept(symbol: "=")
            return cursor.accept("true") ? .isTemplate(true) : cursor.accept("false") ? .isTemplate(false) : nil
        }
        return setting(&cursor).map { .setting($0) }
    }

    /// `SET name TO 'value', ...`
    private static func setting(_ cursor: inout StatementCursor) -> Globals.Setting? {
        guard cursor.accept("set"), let name = cursor.name(), cursor.accept("to") || cursor.accept(symbol: "="),
            let values = cursor.list({ $0.text() })
        else { return nil }
        return Globals.Setting(name: name, values: values)
    }

    /// `role IN DATABASE name SET ...`
    private static func roleSetting(_ cursor: inout StatementCursor, _ database: String) -> DatabaseStatement? {
        guard let role = cursor.name(), cursor.accept("in", "database"), cursor.name() == database, let setting = setting(&cursor) else {
            return nil
        }
        return .roleSetting(DatabaseProperties.RoleSetting(role: role, setting: setting))
    }

    /// `provider ON DATABASE name IS 'text'`
    private static func label(_ cursor: inout StatementCursor, _ database: String) -> DatabaseStatement? {
        guard let provider = cursor.name(), cursor.accept("on", "database"), cursor.name() == database, cursor.accept("is"),
            let text = cursor.text()
        else { return nil }
        return .label(DatabaseProperties.Label(provider: provider, text: text))
    }

    /// `CONNECT,TEMPORARY ON DATABASE name TO role WITH GRANT OPTION`; with FROM where it is taken.
    private static func privilege(_ cursor: inout StatementCursor, _ database: String, isGiven: Bool) -> DatabaseStatement? {
        let words = cursor.list { cursor in
            cursor.word().flatMap { ["all", "connect", "create", "temporary"].contains($0) ? $0.uppercased() : nil }
        }
        guard let words, cursor.accept("on", "database"), cursor.name() == database, cursor.accept(isGiven ? "to" : "from") else {
            return nil
        }
        var grant = Globals.Grant(isGiven: isGiven, privileges: words)
        if !cursor.accept("public") {
            grant.grantee = cursor.name()
            guard grant.grantee != nil else { return nil }
        }
        grant.isGrantable = isGiven && cursor.accept("with", "grant", "option")
        return .grant(grant)
    }
}
