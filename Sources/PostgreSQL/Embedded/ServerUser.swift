import Basics
import Glibc
package import Subprocess
import SystemPackage

/// Whom the server runs as when we are root, which PostgreSQL refuses to run as.
package struct ServerUser: Sendable, Hashable {
    package var name: String
    package var userID: uid_t
    package var groupID: gid_t

    /// Nil when we are not root: then the server runs as ourselves.
    package static func current() throws(PostgreSQLError) -> ServerUser? {
        guard geteuid() == 0 else { return nil }
        // Never one that others' programs run as, too (`nobody`): they could do with the database what they like.
        let name = "postgres"
        if let user = UnixUser(named: name) { return ServerUser(name: name, userID: user.userID, groupID: user.groupID) }
        throw PostgreSQLError(
            .noServerUser, expected: "a user \(name) to run the database as, because PostgreSQL refuses root", found: "none",
            at: "/etc/passwd",
            advice:
                "install PostgreSQL's package, which makes it (apt install postgresql), or make it (adduser --system --group \(name)); "
                + "or run as an ordinary user, or name a database with --database"
        )
    }

    /// True when this user can enter `folder`: every folder above it lets others pass.
    package func canReach(_ folder: String) -> Bool {
        var path = ""
        for part in folder.split(separator: "/") {
            path += "/" + part
            var status = stat()
            guard stat(path, &status) == 0 else { return true }  // made by us, for the user
            let passes =
                status.st_mode & 0o001 != 0 || (status.st_uid == userID && status.st_mode & 0o100 != 0)
                || (status.st_gid == groupID && status.st_mode & 0o010 != 0)
            guard passes else { return false }
        }
        return true
    }
}

extension ServerUser {
    /// A program and its arguments, run as this user by setpriv (util-linux).
    package func command(_ words: [String]) -> [String] {
        ["setpriv", "--reuid", String(userID), "--regid", String(groupID), "--clear-groups", "--"] + words
    }
}

extension PlatformOptions {
    /// A session of its own, so that the terminal's Ctrl-C does not reach it. Whoever ends it ends what it started in it.
    static var detached: PlatformOptions {
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(1))]
        return options
    }
}

/// A program of the server's and its arguments, run as its user by setpriv (util-linux).
///
/// Not by a user id in `PlatformOptions`: glibc's setgroups and setuid wait, after a fork, for threads that the child does not have.
package struct ServerProgram {
    package var executable: Executable
    package var arguments: Arguments

    package init(_ path: String, _ arguments: [String], as user: ServerUser?) {
        guard let user else {
            executable = .path(FilePath(path))
            self.arguments = Arguments(arguments)
            return
        }
        executable = .name("setpriv")
        self.arguments = Arguments(Array(user.command([path] + arguments).dropFirst()))
    }
}
