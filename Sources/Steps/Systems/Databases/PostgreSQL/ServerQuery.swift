/// The statements that the plug-in runs, each a file of Queries/.
enum ServerQuery: String {
    case databases, server, superuser, memberships
    case amcheckStatements = "amcheck-statements"
    case damageSettings = "damage-settings"
    case openDatabases = "open-databases"
    case databaseState = "database-state"
    case databaseName = "database-name"
    case databaseProperty = "database-property"
    case databaseSetting = "database-setting"
    case endDatabaseSessions = "end-database-sessions"
    case grantorStatement = "grantor-statement"
    case ownerState = "owner-state"
    case renameStatement = "rename-statement"
    case usableTablespaces = "usable-tablespaces"
    case backupStart = "backup-start"
    case backupSession = "backup-session"
    case backupSessions = "backup-sessions"
    case backupStop = "backup-stop"
    case endSessions = "end-sessions"
    case relationName = "relation-name"
    case forgetSettings = "forget-settings"
    case roleNames = "role-names"
    case tablespaceNames = "tablespace-names"
    case databaseIdentity = "database-identity"
    case databaseStatement = "database-statement"
    case extensionGrants = "extension-grants"
    case extensionStatement = "extension-statement"
    case grantStatement = "grant-statement"
    case labelStatement = "label-statement"
    case membershipStatement = "membership-statement"
    case ownPowers = "own-powers"
    case roleStatements = "role-statements"
    case schemaGrant = "schema-grant"
    case schemaStatement = "schema-statement"
    case settingContexts = "setting-contexts"
    case settingStatement = "setting-statement"
    case tablespaceStatements = "tablespace-statements"

    var text: String {
        guard let text = EmbeddedSQL.queries[rawValue] else { preconditionFailure("Queries/\(rawValue).sql is built in") }
        return text
    }
}
