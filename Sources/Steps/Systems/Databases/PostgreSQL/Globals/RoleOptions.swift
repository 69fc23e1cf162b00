/// `ALTER ROLE name WITH NOSUPERUSER INHERIT ... CONNECTION LIMIT 7 PASSWORD '...' VALID UNTIL '...'`
enum RoleOptions {
    /// What stands behind WITH; nil for something else.
    static func read(_ cursor: inout StatementCursor, of name: String) -> Globals.Role? {
        var role = Globals.Role(name: name)
        while !cursor.isAtEnd {
            if cursor.accept("connection", "limit") {
                guard let limit = cursor.number().flatMap({ Int($0) }) else { return nil }
                role.connectionLimit = limit
            } else if cursor.accept("password") {
                guard let password = cursor.text() else { return nil }
                role.password = password
            } else if cursor.accept("valid", "until") {
                guard let time = cursor.text() else { return nil }
                role.validUntil = time
            } else {
                guard let (attribute, value) = cursor.word().flatMap({ attribute($0) }) else { return nil }
                role.attributes[attribute] = value
            }
        }
        return role.attributes.isEmpty ? nil : role
    }

    private static func attribute(_ word: String) -> (RoleAttribute, Bool)? {
        if let attribute = RoleAttribute(rawValue: word.uppercased()) { return (attribute, true) }
        guard word.hasPrefix("no"), let attribute = RoleAttribute(rawValue: word.dropFirst(2).uppercased()) else { return nil }
        return (attribute, false)
    }
}
