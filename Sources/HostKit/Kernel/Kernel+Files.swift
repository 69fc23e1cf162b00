import CLinux

extension Kernel {
    /// For lseek(2): the next byte that is stored, and the next hole.
    public static let seekData: Int32 = linux_seek_data
    public static let seekHole: Int32 = linux_seek_hole

    /// The type of the file system that holds `path`, as statfs(2) numbers them; -1 where it can't be asked.
    public static func fileSystemType(of path: UnsafePointer<CChar>) -> Int { linux_file_system(path) }

    /// Of a name in `folder`, or of the folder itself where the name is empty, never of what a link leads to: 1 where nobody may change it
    /// (chattr +i), 2 where it may only be added to (chattr +a), 3 both; 0 where neither is so, or nobody tells (statx(2)).
    public static func protection(_ folder: Int32, _ name: UnsafePointer<CChar>) -> Int32 { linux_protection(folder, name) }

    /// Everything written to the file system of `file` is on disk (syncfs(2)).
    public static func syncFileSystem(of file: Int32) -> Int32 { linux_sync_file_system(file) }

    /// Makes `target` share the extents of `source` (ioctl_ficlone(2)).
    public static func clone(_ target: Int32, from source: Int32) -> Int32 { linux_clone_file(target, source) }

    /// The range of a file or block device reads as zeros, without being stored where that is possible (fallocate(2)).
    public static func zero(_ file: Int32, from offset: Int64, count: Int64) -> Int32 { linux_zero_range(file, offset, count) }

    /// Another process, or the kernel (a loop device), has the file open. False where nobody has, or where the file system or our rights do
    /// not tell (fcntl(2), F_SETLEASE).
    public static func isOpenElsewhere(_ file: Int32) -> Bool { linux_is_open_elsewhere(file) != 0 }

    /// Never replaces what is there (renameat2(2), RENAME_NOREPLACE).
    public static func renameNew(
        _ folder: Int32, _ from: UnsafePointer<CChar>, _ toFolder: Int32, _ to: UnsafePointer<CChar>
    ) -> Int32 {
        linux_rename_new(folder, from, toFolder, to)
    }

    /// Nobody can write to the file system of `folder` until `thaw` (FIFREEZE, FITHAW).
    public static func freeze(_ folder: Int32) -> Int32 { linux_freeze(folder) }
    public static func thaw(_ folder: Int32) -> Int32 { linux_thaw(folder) }
}
