import Glibc

extension ServerUser {
    /// A user that nobody is, for a server that runs code of others: one who runs as `postgres` has the files and processes of every other
    /// server of that user's. The same for the same `key`. Nil when we are not root: then the server runs as ourselves.
    package static func passing(for key: String) -> ServerUser? {
        guard geteuid() == 0 else { return nil }
        // FNV-1a: it need not be secret, only the same at the next try.
        let start = key.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        for offset in 0..<UInt32(range.count) {
            let id = range.lowerBound + (start &+ offset) % UInt32(range.count)
            if UnixUser(id: id) == nil { return ServerUser(name: "no. \(id)", userID: id, groupID: id) }
        }
        return nil
    }

    /// Set aside for users that come and go (systemd's DynamicUser); no distribution gives them to anybody.
    private static let range: Range<uid_t> = 61184..<65520
}
