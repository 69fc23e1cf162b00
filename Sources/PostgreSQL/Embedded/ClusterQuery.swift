/// The statements that make a private cluster's roles and database, each a file of Queries/.
enum ClusterQuery: String {
    case everydayRole = "everyday-role"
    case makeEverydayRole = "make-everyday-role"
    case renameSuperuser = "rename-superuser"
    case databaseOwner = "database-owner"
    case makeDatabase = "make-database"
    case handOver = "hand-over"
    case isSuperuser = "is-superuser"

    var text: String {
        guard let text = EmbeddedSQL.queries[rawValue] else { preconditionFailure("Queries/\(rawValue).sql is built in") }
        return text
    }
}
