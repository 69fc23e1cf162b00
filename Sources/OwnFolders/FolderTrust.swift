import Glibc

/// Whom a folder's contents depend on.
struct FolderTrust {
    private let user = geteuid()
    private let group = getegid()

    /// Root depends on every folder of a path; another user only on what lies below a folder where anybody may write: what is above is the machine's.
    var dependsOnAll: Bool { user == 0 }

    /// True for root, and for ourselves.
    func owns(_ status: stat) -> Bool { status.st_uid == 0 || status.st_uid == user }

    /// True when others can make and exchange names in it. A group of the user's own is nobody else (user private groups).
    func letsOthersWrite(_ status: stat) -> Bool {
        let isOwnGroup = status.st_gid == 0 || (user != 0 && status.st_gid == group)
        return status.st_mode & 0o002 != 0 || (status.st_mode & 0o020 != 0 && !isOwnGroup)
    }

    /// True when nobody but its owner can exchange a name in it (`/tmp`).
    func keepsNames(_ status: stat) -> Bool { !letsOthersWrite(status) || status.st_mode & S_ISVTX != 0 }

    func refusal(_ status: stat, at path: String) -> FolderError {
        FolderError(
            notPrivate: "a folder that only \(user == 0 ? "root" : "user id \(user) or root") can write in",
            found: "owner \(status.st_uid), group \(status.st_gid), mode 0\(String(status.st_mode & 0o7777, radix: 8))", at: path)
    }
}
