/// The statements that the plug-in runs, each a file of Queries/.
enum ServerQuery: String {
    case databases, server, superuser
    case databaseState = "database-state"
    case backupStart = "backup-start"
    case backupSession = "backup-session"
    case backupStop = "backup-stop"
    case endSessions = "end-sessions"
    case databaseName = "database-name"
    case relationName = "relation-name"
    case forgetLibraries = "forget-libraries"
    case roleNames = "role-names"
    case tablespaceNames = "tablespace-names"
    case databaseIdentity = "database-identity"

    var text: String {
        guard let text = EmbeddedSQL.queries[rawValue] else { preconditionFailure("Queries/\(rawValue).sql is built in") }
        return text
    }
}
