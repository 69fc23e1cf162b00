import Glibc

/// What the file system of a place has left.
public struct DiskRoom: Sendable, Hashable {
    /// Bytes that an ordinary user can still take. ext4 keeps a twentieth back: what root could still write there is no room for a server that doesn't
    /// run as root.
    public var free: Int64
    public var total: Int64
    /// Files that can still be made; nil where nothing limits that.
    public var files: Int64?
    private var device: dev_t
    /// With what root alone can take.
    private var unused: Int64

    /// Of what is there of the path; nil when nobody tells. It blocks where a file server is away.
    public init?(at path: String) {
        var status = stat()
        var existing = Substring(path)
        while stat(String(existing), &status) != 0 {
            guard errno == ENOENT || errno == ENOTDIR, existing.count > 1, let slash = existing.lastIndex(of: "/") else { return nil }
            existing = slash == existing.startIndex ? "/" : existing[..<slash]
        }
        var room = statvfs()
        guard statvfs(String(existing), &room) == 0 else { return nil }
        let block = Int64(room.f_frsize)
        free = Int64(room.f_bavail) * block
        total = Int64(room.f_blocks) * block
        files = room.f_files == 0 ? nil : Int64(room.f_favail)
        device = status.st_dev
        unused = Int64(room.f_bfree) * block
    }

    /// Whether what is written to one place takes the other's room. Subvolumes of a btrfs have a device each: their room is what tells.
    public func isShared(with other: DiskRoom) -> Bool {
        device == other.device || (total == other.total && unused == other.unused && files == nil && other.files == nil)
    }
}
