import Glibc
import Subprocess

/// Whom the server runs as when we are root, which PostgreSQL refuses to run as.
struct ServerUser: Sendable, Hashable {
    var name: String
    var userID: uid_t
    var groupID: gid_t

    /// Nil when we are not root: then the server runs as ourselves.
    static func current() throws(PostgreSQLError) -> ServerUser? {
        guard geteuid() == 0 else { return nil }
        for name in ["postgres", "nobody"] {
            if let entry = getpwnam(name) { return ServerUser(name: name, userID: entry.pointee.pw_uid, groupID: entry.pointee.pw_gid) }
        }
        throw PostgreSQLError(
            "no-server-user", expected: "a user postgres or nobody to run the database as", found: "neither", at: "/etc/passwd",
            advice: "run as an ordinary user, or name a database with --database")
    }

    /// True when this user can enter `folder`: every folder above it lets others pass.
    func canReach(_ folder: String) -> Bool {
        var path = ""
        for part in folder.split(separator: "/") {
            path += "/" + part
            var status = stat()
            guard stat(path, &status) == 0 else { return true }  // made by us, for the user
            let passes = status.st_mode & 0o001 != 0 || (status.st_uid == userID && status.st_mode & 0o100 != 0)
            guard passes else { return false }
        }
        return true
    }
}

extension PlatformOptions {
    /// A process of the server's: as its user, in a session of its own, so that the terminal's Ctrl-C does not reach it.
    static func detached(as user: ServerUser?) -> PlatformOptions {
        var options = PlatformOptions()
        options.createSession = true
        if let user {
            options.userID = user.userID
            options.groupID = user.groupID
            options.supplementaryGroups = [user.groupID]
        }
        return options
    }
}
