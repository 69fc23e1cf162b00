import Basics
import Glibc
import HostKit

/// What the server is told at each start, in files that it can read and not write: the folder may have moved, and the way in is nobody else's to set.
struct ClusterSettings: Sendable {
    var folder: ClusterFolder
    var isDurable: Bool

    private var file: String { folder.settings + "/server.conf" }
    private var access: String { folder.settings + "/hba.conf" }
    private var names: String { folder.settings + "/ident.conf" }

    func write() throws(PostgreSQLError) {
        do throws(Explanation) {
            let place = try OwnFolder(opening: folder.settings)
            for (name, text) in [("server.conf", serverText), ("hba.conf", Self.accessText), ("ident.conf", Self.namesText)] {
                try place.write(Array(text.utf8), to: name, readableBy: folder.user?.groupID)
            }
        } catch {
            throw PostgreSQLError(error)
        }
    }

    /// The server's command line: what is set there no file in its own folder changes.
    var commandLine: String {
        [("config_file", file), ("hba_file", access), ("ident_file", names)]
            .map { "-c \($0)='\($1.replacing("'", with: #"'\''"#))'" }.joined(separator: " ")
    }

    /// What the cluster's maker or its operator set in its own file holds where we set nothing.
    private var serverText: String {
        """
        include_if_exists = '\(Self.quoted(folder.data))/postgresql.conf'
        listen_addresses = ''
        port = 5432
        unix_socket_directories = '\(Self.quoted(folder.socketFolder))'
        unix_socket_permissions = 0700
        max_connections = 200
        wal_level = minimal
        max_wal_senders = 0
        max_wal_size = 256MB
        wal_init_zero = on
        wal_recycle = on
        jit = off
        max_parallel_workers_per_gather = 0
        log_min_messages = warning
        cluster_name = 'snappy-flow'
        fsync = \(isDurable ? "on" : "off")
        synchronous_commit = \(isDurable ? "on" : "off")
        full_page_writes = \(isDurable ? "on" : "off")

        """
    }

    private static func quoted(_ path: String) -> String { path.replacing("\\", with: #"\\"#).replacing("'", with: "''") }

    /// The kernel says who connects; nobody has a password.
    private static let accessText = "local all all peer map=\(map)\n"
    private static let map = "snappy-flow"

    /// Root and who made the cluster are both roles. The server's own user, where it is another one, is neither.
    private static var namesText: String {
        let users = Set([0, geteuid()]).sorted().compactMap { UnixUser(id: $0)?.name }
        return users.flatMap { user in
            [ClusterRoles.everyday, ClusterRoles.administrator].map { "\(map) \"\(user.replacing("\"", with: "\"\""))\" \($0)\n" }
        }.joined()
    }
}
