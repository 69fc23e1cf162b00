/// What a dumped database had beside its content and what it has from its birth, as values. Names are as they are, without quotes.
struct DatabaseProperties: Sendable, Hashable {
    struct RoleSetting: Sendable, Hashable {
        var role: String
        var setting: Globals.Setting
    }

    /// Nil where it is not known.
    var owner: String?
    var connectionLimit: Int?
    var isTemplate = false
    var comment: String?
    var settings: [Globals.Setting] = []
    /// Settings that hold for one role in this database.
    var roleSettings: [RoleSetting] = []
    var privileges: [Privilege] = []
    var labels: [Label] = []
    /// What the archive says of the database in words that are not known here, for people.
    var unknown: [String] = []

    struct Privilege: Sendable, Hashable {
        /// Nil for the owner.
        var grantor: String?
        var grant: Globals.Grant
    }

    struct Label: Sendable, Hashable {
        var provider: String
        var text: String
    }

    /// Read from an archive's entries, which pg_restore would run as they are. `name`: the database's, as it was called.
    init(_ archive: DumpArchive, name: String) {
        owner = archive.entries.first { $0.kind == "DATABASE" }?.owner.flatMap { $0.isEmpty ? nil : $0 }
        for entry in archive.entries where entry.isOfTheDatabase {
            guard let statements = archive.statements(of: entry) else {
                unknown.append("\(entry.kind.lowercased()), which can't be read here")
                continue
            }
            var grantor: String?
            for statement in statements {
                guard let parsed = DatabaseStatement(statement, of: name), parsed.kinds.contains(entry.kind) else {
                    unknown.append("\(entry.kind.lowercased()): \(statement.summary)")
                    continue
                }
                add(parsed, &grantor)
            }
        }
    }

    private mutating func add(_ statement: DatabaseStatement, _ grantor: inout String?) {
        switch statement {
        case .connectionLimit(let limit): connectionLimit = limit
        case .isTemplate(let value): isTemplate = value
        case .comment(let text): comment = text
        case .setting(let setting): settings.append(setting)
        case .roleSetting(let setting): roleSettings.append(setting)
        case .label(let label): labels.append(label)
        case .grantor(let role): grantor = role
        case .grant(let grant): privileges.append(Privilege(grantor: grantor, grant: grant))
        }
    }
}
