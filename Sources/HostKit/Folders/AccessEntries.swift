import CLinux
import Glibc

/// The entries of a folder's access list that name somebody, or its group (acl(5), linux/posix_acl_xattr.h).
enum AccessEntries {
    /// The mode says it all.
    case none
    case some([Entry])
    /// There may be one, and nobody tells what is in it.
    case unknown

    struct Entry {
        enum Tag: UInt16 {
            case user = 0x02
            case owningGroup = 0x04
            case group = 0x08
        }
        var tag: Tag
        var permissions: UInt16
        var id: UInt32
    }

    var isList: Bool { if case .none = self { false } else { true } }

    /// `folder`: a descriptor, also one that only stands for a name (O_PATH), of which fgetxattr(2) tells nothing.
    init(of folder: Int32) {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = getxattr("/proc/self/fd/\(folder)", "system.posix_acl_access", &bytes, bytes.count)
        guard count >= 0 else {
            // ENOENT is no procfs; EOPNOTSUPP a file system without lists.
            self = [ENODATA, EOPNOTSUPP].contains(errno) ? .none : .unknown
            return
        }
        func number(_ at: Int, _ width: Int) -> UInt32 { (0..<width).reduce(0) { $0 | UInt32(bytes[at + $1]) << (8 * UInt32($1)) } }
        guard count >= 4, (count - 4) % 8 == 0, number(0, 4) == 2 else {
            self = .unknown
            return
        }
        self = .some(
            stride(from: 4, to: count, by: 8).compactMap { at in
                Entry.Tag(rawValue: UInt16(number(at, 2))).map {
                    Entry(tag: $0, permissions: UInt16(number(at + 2, 2)), id: number(at + 4, 4))
                }
            })
    }
}
