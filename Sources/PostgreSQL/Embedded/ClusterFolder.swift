import Foundation
import Glibc

/// Where a private cluster lies: paths, and folders that only its owner can enter.
struct ClusterFolder: Sendable, Hashable {
    var path: String
    var user: ServerUser?

    var data: String { path + "/data" }
    /// A cluster being made; renamed to `data` when it is whole.
    var unfinished: String { path + "/data.new" }
    var log: String { path + "/server.log" }
    /// Held while the server is started or stopped.
    var controlLock: String { path + "/control.lock" }
    /// Held shared by every command that uses the server.
    var usersLock: String { path + "/users.lock" }
    /// Held by the process that stops the server when nobody uses it.
    var watcherLock: String { path + "/watcher.lock" }
    /// Exists while `db up` wants the server to stay.
    var keepMark: String { path + "/keep" }
    /// Exists since `db down` until a command needs the server again: who still uses it leaves it alone.
    var downMark: String { path + "/down" }

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
                "no-state-folder", expected: "HOME or XDG_STATE_HOME", found: "neither is set", at: "environment",
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

    private var owner: uid_t { user?.userID ?? geteuid() }

    func create() throws(PostgreSQLError) {
        do {
            let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        } catch {
            throw PostgreSQLError(errno: Self.code(of: error), doing: "to make the folder of the private database", at: path)
        }
        try makePrivate(path)
        if let user, !user.canReach(path) {
            throw PostgreSQLError(
                "unreachable-folder", expected: "a folder that user \(user.name) can enter", found: "a folder above it is closed", at: path,
                advice: "name another one with XDG_STATE_HOME")
        }
        try makePrivate(socketFolder)
    }

    /// Makes the folder if need be, and sees that nobody else owns it or can enter it.
    private func makePrivate(_ folder: String) throws(PostgreSQLError) {
        if mkdir(folder, 0o700) == 0 {
            if let user, chown(folder, user.userID, user.groupID) != 0 {
                throw PostgreSQLError(errno: errno, doing: "to give the folder to user \(user.name)", at: folder)
            }
        } else if errno != EEXIST {
            throw PostgreSQLError(errno: errno, doing: "to make the folder", at: folder)
        }
        var status = stat()
        guard lstat(folder, &status) == 0 else { throw PostgreSQLError(errno: errno, doing: "to examine the folder", at: folder) }
        // Another command may have made it just now and not given it away yet.
        if let user, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(), lchown(folder, user.userID, user.groupID) == 0 {
            lstat(folder, &status)
        }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == owner, status.st_mode & 0o077 == 0 else {
            throw PostgreSQLError(
                "folder-not-private", expected: "a folder of user id \(owner) with mode 0700",
                found: "owner \(status.st_uid), mode 0\(String(status.st_mode & 0o7777, radix: 8))", at: folder,
                advice: "move it away, or correct its owner and mode")
        }
    }

    /// Writes a file as the server's user would own it.
    func write(_ text: String, to file: String) throws(PostgreSQLError) {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
        } catch {
            throw PostgreSQLError(errno: Self.code(of: error), doing: "to write the file", at: file)
        }
        guard let user else { return }
        guard chown(file, user.userID, user.groupID) == 0 else {
            throw PostgreSQLError(errno: errno, doing: "to give the file away", at: file)
        }
    }

    /// The version that made the cluster; nil when there is none.
    var major: Int? {
        (try? String(contentsOfFile: data + "/PG_VERSION", encoding: .utf8)).flatMap { Int($0.prefix(while: \.isNumber)) }
    }

    private static func code(of error: any Error) -> Int32 {
        let cocoa = error as NSError
        if let underlying = cocoa.userInfo[NSUnderlyingErrorKey] as? NSError, underlying.domain == NSPOSIXErrorDomain {
            return Int32(underlying.code)
        }
        switch CocoaError.Code(rawValue: cocoa.code) {
        case .fileWriteOutOfSpace: return ENOSPC
        case .fileWriteNoPermission, .fileReadNoPermission: return EACCES
        case .fileWriteVolumeReadOnly: return EROFS
        default: return EIO
        }
    }
}
