import CLinux

/// linux/btrfs.h
extension Kernel {
    /// The 16 bytes that all subvolumes of one file system share; nil where the file is on none of btrfs (BTRFS_IOC_FS_INFO).
    public static func btrfsIdentity(of file: Int32) -> [UInt8]? {
        var identity: [UInt8] = Array(repeating: 0, count: 16)
        return linux_btrfs_identity(file, &identity) == 0 ? identity : nil
    }

    /// Makes `name` in `folder` a read-only snapshot of the subvolume `source` (BTRFS_IOC_SNAP_CREATE_V2).
    public static func makeBtrfsSnapshot(in folder: Int32, of source: Int32, named name: UnsafePointer<CChar>) -> Int32 {
        linux_btrfs_snapshot(folder, source, name)
    }

    /// Removes the subvolume `name` of `folder` (BTRFS_IOC_SNAP_DESTROY).
    public static func removeBtrfsSubvolume(in folder: Int32, named name: UnsafePointer<CChar>) -> Int32 { linux_btrfs_remove(folder, name) }

    /// Nil where it is no subvolume (BTRFS_IOC_SUBVOL_GETFLAGS).
    public static func isReadOnlyBtrfsSubvolume(_ subvolume: Int32) -> Bool? {
        let answer = linux_btrfs_is_read_only(subvolume)
        return answer < 0 ? nil : answer == 1
    }
}
