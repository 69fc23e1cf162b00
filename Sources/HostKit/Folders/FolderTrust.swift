import Basics
import Glibc

/// Whom a folder's contents depend on.
struct FolderTrust {
    private let user = geteuid()
    private let group = getegid()

    /// Root depends on every folder of a path; another user only on what lies below a folder where anybody may write: what is above is the machine's.
    var dependsOnAll: Bool { user == 0 }

    /// True for root, and for ourselves.
    func owns(_ status: stat) -> Bool { status.st_uid == 0 || status.st_uid == user }

    /// True when others can make and exchange names in it. A group of the user's own is nobody else (user private groups). `folder`: its descriptor;
    /// where it has an access list, the mode's group bits are what that allows at most, and say nothing of whom (acl(5)).
    func letsOthersWrite(_ status: stat, _ folder: Int32) -> Bool {
        if status.st_mode & 0o002 != 0 { return true }
        guard status.st_mode & 0o020 != 0 else { return false }
        return switch AccessEntries(of: folder) {
        case .none: !isOwn(group: status.st_gid)
        case .unknown: true
        case .some(let entries):
            entries.contains { entry in
                guard entry.permissions & 0o2 != 0 else { return false }
                return switch entry.tag {
                case .user: entry.id != 0 && entry.id != user
                case .owningGroup: !isOwn(group: status.st_gid)
                case .group: !isOwn(group: entry.id)
                }
            }
        }
    }

    private func isOwn(group id: gid_t) -> Bool { id == 0 || (user != 0 && id == group) }

    func refusal(_ status: stat, _ folder: Int32? = nil, at path: String) -> Explanation {
        Explanation(
            notPrivate: "a folder that only \(user == 0 ? "root" : "user id \(user) or root") can write in",
            found: "owner \(status.st_uid), group \(status.st_gid), mode 0\(String(status.st_mode & 0o7777, radix: 8))"
                + (folder.map { AccessEntries(of: $0).isList } == true ? ", with an access list (getfacl)" : ""), at: path)
    }
}
