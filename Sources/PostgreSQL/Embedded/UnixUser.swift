import Glibc

/// An entry of the machine's user database, asked in a way that threads do not share.
struct UnixUser: Sendable, Hashable {
    var name: String
    var userID: uid_t
    var groupID: gid_t

    init?(named name: String) {
        self.init { entry, buffer, size, found in getpwnam_r(name, &entry, buffer, size, &found) }
    }

    init?(id: uid_t) {
        self.init { entry, buffer, size, found in getpwuid_r(id, &entry, buffer, size, &found) }
    }

    private init?(_ ask: (inout passwd, UnsafeMutablePointer<CChar>, Int, inout UnsafeMutablePointer<passwd>?) -> Int32) {
        var room = [CChar](repeating: 0, count: 1 << 14)
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        let user = room.withUnsafeMutableBufferPointer { buffer -> UnixUser? in
            guard let base = buffer.baseAddress, ask(&entry, base, buffer.count, &found) == 0, found != nil, let name = entry.pw_name else {
                return nil
            }
            return UnixUser(name: String(cString: name), userID: entry.pw_uid, groupID: entry.pw_gid)
        }
        guard let user else { return nil }
        self = user
    }

    private init(name: String, userID: uid_t, groupID: gid_t) { (self.name, self.userID, self.groupID) = (name, userID, groupID) }
}
