import Basics
import Foundation
import Glibc
import HostKit

extension ClusterFolder {
    /// Makes the folders, and sees whose they are. A cluster of an earlier version, whose whole folder was the server's user's, is taken back from
    /// him: the folder itself first, so that nothing in it can be exchanged any more, then what is ours of it.
    func create() throws(PostgreSQLError) {
        do throws(Explanation) {
            let whole = URL(fileURLWithPath: path)
            let above = try OwnFolder(sharing: whole.deletingLastPathComponent().path)
            let top = try take(whole.lastPathComponent, in: above)
            let control = try OwnFolder(making: control)
            // One command at a time; nobody else can hold this.
            while flock(control.descriptor, LOCK_EX) != 0, errno == EINTR {}
            try keepLocks(of: top, in: control)
            let settings = try OwnFolder(making: settings, mode: user == nil ? 0o700 : 0o750)
            if let user, fchown(settings.descriptor, geteuid(), user.groupID) != 0 {
                throw Explanation(errno: errno, doing: "to let user \(user.name) read the settings", at: settings.path)
            }
            let logs = try give("log", in: top)
            for name in [Self.logName, Self.logName + ".1"] { renameat(top.descriptor, name, logs.descriptor, name) }
            let sockets = URL(fileURLWithPath: socketFolder)
            _ = try give(sockets.lastPathComponent, in: OwnFolder(sharing: sockets.deletingLastPathComponent().path))
            try examineData()
        } catch {
            throw PostgreSQLError(error)
        }
        if let user, !user.canReach(path) {
            throw PostgreSQLError(
                .unreachableFolder, expected: "a folder that user \(user.name) can enter", found: "a folder above it is closed", at: path,
                advice: "name another one with XDG_STATE_HOME")
        }
    }

    /// An empty folder for a new cluster.
    func makeUnfinished() throws(PostgreSQLError) {
        do throws(Explanation) {
            _ = try give(URL(fileURLWithPath: unfinished).lastPathComponent, in: OwnFolder(opening: path))
        } catch {
            throw PostgreSQLError(error)
        }
    }

    /// The cluster's folder: ours, and entered by the server's user alone.
    private func take(_ name: String, in above: OwnFolder) throws(Explanation) -> FolderGift {
        let folder = try FolderGift(name, in: above, or: path)
        let status = folder.status
        let isOpenForUser = user.map { status.st_mode & 0o077 == 0o010 && status.st_gid == $0.groupID } ?? false
        guard status.st_uid == geteuid() || status.st_uid == owner, status.st_mode & 0o077 == 0 || isOpenForUser else {
            throw folder.refusal(owner: geteuid())
        }
        guard let user, status.st_uid != geteuid() || !isOpenForUser else { return folder }
        try folder.become(owner: geteuid(), group: user.groupID, mode: 0o710)
        return folder
    }

    /// A folder of the server's user.
    @discardableResult
    private func give(_ name: String, in above: some HeldFolder) throws(Explanation) -> FolderGift {
        let folder = try FolderGift(name, in: above, or: above.path + "/" + name)
        let status = folder.status
        if let user, status.st_uid != user.userID {
            // Just made, by us or by a command that died. One that holds something is not given away.
            guard status.st_uid == geteuid(), folder.isEmpty else { throw folder.refusal(owner: owner) }
            try folder.become(owner: user.userID, group: user.groupID, mode: 0o700)
            return folder
        }
        guard status.st_uid == owner, status.st_mode & 0o077 == 0 else { throw folder.refusal(owner: owner) }
        return folder
    }

    /// Earlier versions had locks and marks beside the data. Locks keep their inodes: a command of that version may hold them.
    private func keepLocks(of top: FolderGift, in control: OwnFolder) throws(Explanation) {
        for name in ["control.lock", "users.lock", "watcher.lock"] {
            let file = openat(top.descriptor, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            if file < 0, errno == ENOENT { continue }
            defer { if file >= 0 { close(file) } }
            var status = stat()
            let isLock =
                file >= 0 && fstat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 1
                && [owner, geteuid()].contains(status.st_uid)
            if isLock, fchown(file, geteuid(), getegid()) == 0, fchmod(file, 0o600) == 0,
                renameat(top.descriptor, name, control.descriptor, name) == 0
            {
                continue
            }
            unlinkat(top.descriptor, name, 0)
        }
        for name in ["keep", "down"] {
            var status = stat()
            guard fstatat(top.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            try control.write([], to: name)
            unlinkat(top.descriptor, name, 0)
        }
    }

    /// What the server's user made is a folder of his, if it is there.
    private func examineData() throws(Explanation) {
        var status = stat()
        guard lstat(data, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR, [owner, geteuid()].contains(status.st_uid) else {
            throw FolderGift.refusal(status, at: data, owner: owner)
        }
    }
}
