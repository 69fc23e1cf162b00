import CLinux

extension Kernel {
    /// O_TMPFILE: a file without a name, which is gone with its last descriptor unless it is given one (open(2)).
    public static let openUnnamed: Int32 = linux_open_unnamed
    /// O_NOATIME: reading leaves no trace; refused to whom the file does not belong (open(2)).
    public static let openWithoutAccessTime: Int32 = linux_open_without_atime
    /// O_PATH | O_NOFOLLOW: what a name stands for itself, to be asked about and not read (open(2)).
    public static let openName: Int32 = linux_open_name

    /// Opens `path` below `folder`, with O_CLOEXEC; no part of it may be a symbolic link (openat2(2)).
    public static func openBeneath(_ folder: Int32, _ path: UnsafePointer<CChar>, _ flags: Int32, _ mode: UInt32) -> Int32 {
        linux_open_beneath(folder, path, flags, mode)
    }

    /// What `path` below `folder` stands for, over links that stay below it, as a descriptor of its name alone; EXDEV where a part leads
    /// out (openat2(2)).
    public static func openWithin(_ folder: Int32, _ path: UnsafePointer<CChar>) -> Int32 { linux_open_within(folder, path) }

    /// A pipe whose ends no program inherits (pipe2(2)).
    public static func pipe(_ ends: UnsafeMutablePointer<Int32>) -> Int32 { linux_pipe(ends) }

    /// Memory as a file of `bytes` bytes, closed on exec, which can't become shorter (memfd_create(2), sealed). -1 where there is none, or where
    /// files may not be so long.
    public static func memory(named name: UnsafePointer<CChar>, bytes: Int64) -> Int32 { linux_memory(name, bytes) }
}
