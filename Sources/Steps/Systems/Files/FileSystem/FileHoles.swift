import HostKit
import Glibc

/// Whether a file system's word is taken on where a file has holes (lseek(2), SEEK_DATA): what it calls one is not read.
///
/// Some have called a hole what had just been written (ZFS before 2.2.2), and what a server, a FUSE program or a file system below says, nobody here
/// knows. Theirs is read, as if there were no holes.
enum FileHoles {
    /// linux/magic.h; ext4 says the same of ext2 and ext3.
    private static let trusted: Set<Int> = [ext4, xfs, btrfs, tmpfs]
    private static let (ext4, xfs, btrfs, tmpfs) = (0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994)

    static func areKnown(of descriptor: Int32) -> Bool { areKnown(onFileSystem: Kernel.fileSystemType(of: OpenEntry.place(descriptor))) }

    /// By the kernel's number for a type of file system.
    static func areKnown(onFileSystem type: Int) -> Bool { trusted.contains(type) }
}
