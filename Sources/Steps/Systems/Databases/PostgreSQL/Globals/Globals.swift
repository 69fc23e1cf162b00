import Basics

/// What databases of a server share: its roles and tablespaces, as values. Names are as they are, without quotes.
struct Globals: Sendable, Hashable {
    struct Role: Sendable, Hashable {
        var name: String
        var attributes: [RoleAttribute: Bool] = [:]
        var connectionLimit: Int?
        /// A hash, unless somebody wrote the script by hand.
        var password: String?
        /// As the server wrote it.
        var validUntil: String?
        var comment: String?
        var settings: [Setting] = []
    }

    struct Setting: Sendable, Hashable {
        var name: String
        /// Several where the setting is a list.
        var values: [String]
    }

    struct Membership: Sendable, Hashable {
        var role: String
        var member: String
        var admin = false
        /// Nil: as the server has it by default.
        var inherit: Bool?
        var set: Bool?
    }

    struct Tablespace: Sendable, Hashable {
        var name: String
        var owner: String
        /// A folder of the server's host.
        var location: String
        var comment: String?
        var options: [Setting] = []
        var grants: [Grant] = []
    }

    /// A privilege on a tablespace or a setting, given or taken.
    struct Grant: Sendable, Hashable {
        var isGiven: Bool
        /// `CREATE`, `SET`, `ALTER SYSTEM` or `ALL`
        var privileges: [String]
        /// Nil for everybody.
        var grantee: String?
        var isGrantable = false
    }

    struct ParameterGrant: Sendable, Hashable {
        var parameter: String
        var grant: Grant
    }

    struct SecurityLabel: Sendable, Hashable {
        var isOfRole: Bool
        var name: String
        var provider: String
        var label: String
    }

    var roles: [Role] = []
    /// Where a role stands among them.
    var roleIndex: [ExactText: Int] = [:]
    var memberships: [Membership] = []
    var parameterGrants: [ParameterGrant] = []
    var tablespaces: [Tablespace] = []
    var labels: [SecurityLabel] = []
    /// Settings of a role in one database, which belong to the database's dump: `ROLE in DATABASE: SETTING`.
    var settingsInDatabases: [String] = []
}

/// What a role may do, in the words of CREATE ROLE.
enum RoleAttribute: String, Sendable, Hashable, CaseIterable {
    case superuser = "SUPERUSER"
    case createRole = "CREATEROLE"
    case replication = "REPLICATION"
    case bypassRowSecurity = "BYPASSRLS"
    case createDatabase = "CREATEDB"
    case login = "LOGIN"
    case inherit = "INHERIT"

    /// True for those that let a role take more than it was given.
    var isPowerful: Bool {
        switch self {
        case .superuser, .createRole, .replication, .bypassRowSecurity: true
        case .createDatabase, .login, .inherit: false
        }
    }
}

extension Globals.Role: SecretHolding {
    var shown: String { "role \(name)" }
}
