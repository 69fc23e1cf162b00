/// A POSIX access list as the kernel stores it, in an extended attribute: a version, then entries of tag, rights and id, little-endian
/// (linux/posix_acl_xattr.h).
enum AccessList {
    static let access = "system.posix_acl_access"
    static let inherited = "system.posix_acl_default"

    private static let version: UInt8 = 2
    private static let (groupTag, maskTag): (UInt8, UInt8) = (0x04, 0x10)

    /// What the owning group may do by it (three bits): a mode's group bits say what the mask lets anybody do who is named, which may be more.
    /// Nil when these bytes are no list.
    static func owningGroup(_ value: [UInt8]) -> UInt16? {
        guard value.count >= 4, (value.count - 4) % 8 == 0, value[0] == version else { return nil }
        var (group, mask): (UInt8?, UInt8) = (nil, 7)
        for start in stride(from: 4, to: value.count, by: 8) {
            if value[start] == groupTag { group = value[start + 2] }
            if value[start] == maskTag { mask = value[start + 2] }
        }
        return group.map { UInt16($0 & mask & 7) }
    }
}
