import Basics
import Foundation
import Glibc
import HostKit

/// Where a private cluster lies. What we lock, mark and set lies in folders that the server's user can't write in; he has three of his own below.
struct ClusterFolder: Sendable, Hashable {
    var path: String
    /// Nil where the server runs as ourselves.
    var user: ServerUser?

    // MARK: the server's user's

    var data: String { path + "/data" }
    /// A cluster being made; renamed to `data` when it is whole.
    var unfinished: String { path + "/data.new" }
    var logs: String { path + "/log" }
    var log: String { logs + "/" + Self.logName }
    static let logName = "server.log"

    // MARK: ours

    /// What the server is told; it may read that.
    var settings: String { path + "/settings" }
    /// Locks and marks, which are nobody else's business.
    var control: String { path + "/control" }
    /// Held while the server is started or stopped.
    var controlLock: String { control + "/control.lock" }
    /// Held shared by every command that uses the server.
    var usersLock: String { control + "/users.lock" }
    /// Held by the process that stops the server when nobody uses it.
    var watcherLock: String { control + "/watcher.lock" }
    /// Exists while `db up` wants the server to stay.
    var keepMark: String { control + "/keep" }
    /// Exists since `db down` until a command needs the server again: who still uses it leaves it alone.
    var downMark: String { control + "/down" }

    /// The standard place: the user's state folder; for root, one that the server's user can reach.
    static func standard(environment: [String: String]) throws(PostgreSQLError) -> ClusterFolder {
        let user = try ServerUser.current()
        let state = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        if let user {
            if let state, user.canReach(state) { return ClusterFolder(path: state + "/snappy-flow/postgresql", user: user) }
            return ClusterFolder(path: "/var/lib/snappy-flow/postgresql", user: user)
        }
        guard let base = state ?? environment["HOME"].map({ $0 + "/.local/state" }) else {
            throw PostgreSQLError(
                .noStateFolder, expected: "HOME or XDG_STATE_HOME", found: "neither is set", at: "environment",
                advice: "set XDG_STATE_HOME, or name a database with --database")
        }
        return ClusterFolder(path: base + "/snappy-flow/postgresql", user: nil)
    }

    /// The folder of the server's socket. A socket's path has at most 107 bytes (unix(7)); where the cluster's own is longer, a
    /// private folder under /tmp serves.
    var socketFolder: String {
        let own = path + "/run"
        if own.utf8.count + "/.s.PGSQL.5432.lock".utf8.count <= 107 { return own }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a: a name, not a secret
        for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "/tmp/snappy-flow-\(owner)-\(String(hash, radix: 16))"
    }

    /// A way to the server, as `role`. Nobody but its user is spoken to.
    func settings(_ role: String, database: String) -> ConnectionSettings {
        ConnectionSettings(socketFolder: socketFolder, user: role, database: database, peer: UnixUser(id: owner)?.name)
    }

    /// Whose the data are.
    var owner: uid_t { user?.userID ?? geteuid() }

    /// The version that made the cluster; nil when there is none, that is, when nothing has its name. What is there and not understood is an
    /// error: whoever took it for none would make a new one in its place.
    var major: Int? {
        get throws(PostgreSQLError) {
            do throws(Explanation) {
                guard let place = try ForeignFolder(data, of: owner) else { return nil }
                guard let bytes = try place.read("PG_VERSION", atMost: 16) else { throw notUnderstood("no such file") }
                let text = String(decoding: bytes, as: UTF8.self)
                guard let major = Int(text.prefix { $0.isASCII && $0.isNumber }), major > 0 else {
                    throw notUnderstood(bytes.isEmpty ? "an empty file" : "\"\(text.singleLine)\"")
                }
                return major
            } catch {
                throw PostgreSQLError(
                    .clusterNotUnderstood, expected: "the data of a private database: \(error.expected)", found: error.found,
                    at: error.location,
                    advice:
                        "nothing was changed: bring back what was there, from a copy (PG_VERSION holds PostgreSQL's major version and a line end), "
                        + "or move \(path) away to begin with an empty database")
            }
        }
    }

    private func notUnderstood(_ found: String) -> Explanation {
        Explanation(notUnderstood: "a file with PostgreSQL's major version", found: found, at: data + "/PG_VERSION")
    }

    /// What would hold up the server and its programs: its user may have put it into the folders that are his. Sockets belong where its socket is.
    var hindrances: [String] {
        [data, logs, socketFolder].flatMap { path in
            ((try? ForeignFolder(path, of: owner))?.hindrances() ?? []).filter { path != socketFolder || !$0.hasSuffix("(a socket)") }
        }
    }

    /// Puts a mark, which is there or not.
    func raise(_ mark: String) throws(PostgreSQLError) {
        let file = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw PostgreSQLError(errno: errno, doing: "to write the file", at: mark) }
        close(file)
    }
}
