/// One statement of pg_dumpall's about roles or tablespaces.
enum GlobalsStatement: Sendable, Hashable {
    case role(String)
    case options(Globals.Role)
    case roleComment(String, String)
    case setting(role: String, Globals.Setting)
    case settingInDatabase(String)
    case membership(Globals.Membership)
    case parameterGrant(Globals.ParameterGrant)
    case tablespace(Globals.Tablespace)
    case tablespaceOptions(String, [Globals.Setting])
    case tablespaceGrant(String, Globals.Grant)
    case tablespaceComment(String, String)
    case label(Globals.SecurityLabel)

    /// The part of the script that it belongs to.
    var section: GlobalsSection {
        switch self {
        case .role, .options, .roleComment: .roles
        case .setting: .settings
        case .settingInDatabase: .settingsInDatabases
        case .membership: .memberships
        case .parameterGrant: .parameters
        case .tablespace, .tablespaceOptions, .tablespaceGrant, .tablespaceComment: .tablespaces
        case .label(let label): label.isOfRole ? .roles : .tablespaces
        }
    }

    /// Nil for any other.
    init?(_ statement: ScriptStatement) {
        var cursor = StatementCursor(statement)
        let parsed: GlobalsStatement?
        if cursor.accept("create", "role") {
            parsed = cursor.name().map { .role($0) }
        } else if cursor.accept("alter", "role") {
            parsed = Self.alterRole(&cursor)
        } else if cursor.accept("comment", "on", "role") {
            parsed = Self.named(&cursor).map { .roleComment($0, $1) }
        } else if cursor.accept("create", "tablespace") {
            parsed = Self.tablespace(&cursor)
        } else if cursor.accept("alter", "tablespace") {
            parsed = Self.tablespaceOptions(&cursor)
        } else if cursor.accept("comment", "on", "tablespace") {
            parsed = Self.named(&cursor).map { .tablespaceComment($0, $1) }
        } else if cursor.accept("security", "label", "for") {
            parsed = Self.label(&cursor)
        } else if cursor.accept("grant") {
            // ON needs quotes as a name.
            parsed = cursor.holds("on") ? Self.privilege(&cursor, isGiven: true) : Self.membership(&cursor)
        } else if cursor.accept("revoke") {
            parsed = Self.privilege(&cursor, isGiven: false)
        } else {
            parsed = nil
        }
        guard let parsed, cursor.isAtEnd else { return nil }
        self = parsed
    }

    private static func alterRole(_ cursor: inout StatementCursor) -> GlobalsStatement? {
        guard let name = cursor.name() else { return nil }
        if cursor.accept("with") { return RoleOptions.read(&cursor, of: name).map { .options($0) } }
        var database: String?
        if cursor.accept("in", "database") {
            database = cursor.name()
            guard database != nil else { return nil }
        }
        guard cursor.accept("set"), let setting = cursor.name(), cursor.accept("to") || cursor.accept(symbol: "="),
            let values = cursor.list({ $0.text() })
        else { return nil }
        if let database { return .settingInDatabase("\(name) in \(database): \(setting)") }
        return .setting(role: name, Globals.Setting(name: setting, values: values))
    }

    /// `name IS 'text'`
    private static func named(_ cursor: inout StatementCursor) -> (String, String)? {
        guard let name = cursor.name(), cursor.accept("is"), let text = cursor.text() else { return nil }
        return (name, text)
    }

    /// `provider ON ROLE name IS 'text'`
    private static func label(_ cursor: inout StatementCursor) -> GlobalsStatement? {
        guard let provider = cursor.name(), cursor.accept("on") else { return nil }
        let isOfRole = cursor.accept("role")
        guard isOfRole || cursor.accept("tablespace"), let (name, text) = named(&cursor) else { return nil }
        return .label(Globals.SecurityLabel(isOfRole: isOfRole, name: name, provider: provider, label: text))
    }

    /// `role TO member [WITH ADMIN OPTION, INHERIT TRUE, SET FALSE] [GRANTED BY grantor]`
    private static func membership(_ cursor: inout StatementCursor) -> GlobalsStatement? {
        guard let role = cursor.name(), cursor.accept("to"), let member = cursor.name() else { return nil }
        var membership = Globals.Membership(role: role, member: member)
        if cursor.accept("with") {
            repeat {
                guard let option = cursor.word(), let value = cursor.word().flatMap({ ["option": true, "true": true, "false": false][$0] })
                else { return nil }
                switch option {
                case "admin": membership.admin = value
                case "inherit": membership.inherit = value
                case "set": membership.set = value
                default: return nil
                }
            } while cursor.accept(symbol: ",")
        }
        if cursor.accept("granted", "by") { guard cursor.name() != nil else { return nil } }
        return .membership(membership)
    }

    /// `CREATE ON TABLESPACE name TO role`, `SET ON PARAMETER name TO role WITH GRANT OPTION`; with FROM where it is taken.
    private static func privilege(_ cursor: inout StatementCursor, isGiven: Bool) -> GlobalsStatement? {
        let words = cursor.list { cursor in
            if cursor.accept("alter", "system") { return "ALTER SYSTEM" }
            return cursor.word().flatMap { ["all", "create", "set"].contains($0) ? $0.uppercased() : nil }
        }
        guard let words, cursor.accept("on") else { return nil }
        let isOfTablespace = cursor.accept("tablespace")
        guard isOfTablespace || cursor.accept("parameter"), let name = cursor.name(), cursor.accept(isGiven ? "to" : "from") else {
            return nil
        }
        var grant = Globals.Grant(isGiven: isGiven, privileges: words)
        if !cursor.accept("public") {
            grant.grantee = cursor.name()
            guard grant.grantee != nil else { return nil }
        }
        grant.isGrantable = isGiven && cursor.accept("with", "grant", "option")
        if isOfTablespace { return .tablespaceGrant(name, grant) }
        return .parameterGrant(Globals.ParameterGrant(parameter: name, grant: grant))
    }

    private static func tablespace(_ cursor: inout StatementCursor) -> GlobalsStatement? {
        guard let name = cursor.name(), cursor.accept("owner"), let owner = cursor.name(), cursor.accept("location"),
            let location = cursor.text()
        else { return nil }
        return .tablespace(Globals.Tablespace(name: name, owner: owner, location: location))
    }

    /// `name SET (random_page_cost=1.5, ...)`
    private static func tablespaceOptions(_ cursor: inout StatementCursor) -> GlobalsStatement? {
        guard let name = cursor.name(), cursor.accept("set"), cursor.accept(symbol: "(") else { return nil }
        var options: [Globals.Setting] = []
        repeat {
            guard let option = cursor.name(), cursor.accept(symbol: "="), let value = cursor.number() ?? cursor.text() else { return nil }
            options.append(Globals.Setting(name: option, values: [value]))
        } while cursor.accept(symbol: ",")
        return cursor.accept(symbol: ")") ? .tablespaceOptions(name, options) : nil
    }
}
