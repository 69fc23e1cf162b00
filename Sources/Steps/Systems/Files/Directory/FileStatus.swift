import Glibc
import StorageKit
import Synchronization

/// Turns `stat(2)` into metadata as it is recorded: with names of users, and device numbers that stay the same from run to run.
final class FileStatus: Sendable {
    private let root: TreePath
    private let rootDevice: dev_t
    private let users = Mutex<[uid_t: String]>([:])
    private let groups = Mutex<[gid_t: String]>([:])
    private let devices: Mutex<[dev_t: UInt64]>

    /// `root` is the logical path of the tree.
    init(root: TreePath, rootDevice: dev_t) {
        self.root = root
        self.rootDevice = rootDevice
        devices = Mutex([rootDevice: Self.stableNumber(root)])
    }

    /// The number of a device is where it is mounted in the tree, hashed (FNV-1a): the kernel's own numbers change with every boot and
    /// every snapshot's mount, and would make every tree look new.
    private static func stableNumber(_ path: TreePath) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in path.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash >> 1
    }

    /// Metadata without link target and extended attributes, which need more calls.
    func metadata(_ status: stat, at path: TreePath) -> FileMetadata {
        let kind = Self.kind(status)
        let device = status.st_dev
        let deviceID = devices.withLock { known in
            if let number = known[device] { return number }
            let number = Self.stableNumber(TreePath(root.parts + path.parts))
            known[device] = number
            return number
        }
        return FileMetadata(
            kind: kind, permissions: UInt16(status.st_mode & 0o7777), userID: status.st_uid, groupID: status.st_gid,
            user: user(status.st_uid), group: group(status.st_gid), inode: UInt64(status.st_ino), deviceID: deviceID,
            linkCount: UInt64(status.st_nlink), size: kind == .file ? Int64(status.st_size) : 0, modified: Self.time(status.st_mtim),
            accessed: Self.time(status.st_atim), changed: Self.time(status.st_ctim),
            device: kind == .blockDevice || kind == .characterDevice ? UInt64(status.st_rdev) : 0)
    }

    func isOnRootDevice(_ status: stat) -> Bool { status.st_dev == rootDevice }

    static func kind(_ status: stat) -> FileKind {
        switch status.st_mode & S_IFMT {
        case S_IFDIR: .directory
        case S_IFLNK: .symbolicLink
        case S_IFBLK: .blockDevice
        case S_IFCHR: .characterDevice
        case S_IFIFO: .fifo
        case S_IFSOCK: .socket
        default: .file
        }
    }

    static func time(_ value: timespec) -> FileTime { FileTime(seconds: Int64(value.tv_sec), nanoseconds: Int32(value.tv_nsec)) }

    private func user(_ id: uid_t) -> String {
        users.withLock { known in
            if let name = known[id] { return name }
            let name = Self.lookUp(ofType: passwd.self) {
                getpwuid_r(id, $0, $1, $2, $3)
            } name: {
                $0.pw_name
            }
            known[id] = name
            return name
        }
    }

    private func group(_ id: gid_t) -> String {
        groups.withLock { known in
            if let name = known[id] { return name }
            let name = Self.lookUp(ofType: Glibc.group.self) {
                getgrgid_r(id, $0, $1, $2, $3)
            } name: {
                $0.gr_name
            }
            known[id] = name
            return name
        }
    }

    /// A reentrant look-up with a buffer that grows; empty when there is no such entry.
    private static func lookUp<Entry>(
        ofType: Entry.Type,
        _ call: (UnsafeMutablePointer<Entry>, UnsafeMutablePointer<CChar>, Int, UnsafeMutablePointer<UnsafeMutablePointer<Entry>?>) ->
            Int32,
        name: (Entry) -> UnsafeMutablePointer<CChar>?
    ) -> String {
        let entry = UnsafeMutablePointer<Entry>.allocate(capacity: 1)
        defer { entry.deallocate() }
        var size = 1024
        while size <= 1 << 20 {
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { buffer.deallocate() }
            var found: UnsafeMutablePointer<Entry>?
            let result = call(entry, buffer, size, &found)
            if result == ERANGE {
                size *= 4
                continue
            }
            guard result == 0, let found, let text = name(found.pointee) else { return "" }
            return String(cString: text)
        }
        return ""
    }
}
