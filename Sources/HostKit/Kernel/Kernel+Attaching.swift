import CLinux

/// Loop devices (loop(4)) and mounts of what they hold.
extension Kernel {
    /// The number of a free loop device, made if need be; -1 when there is none. `control` is /dev/loop-control.
    public static func freeLoopDevice(_ control: Int32) -> Int32 { linux_free_loop(control) }

    /// Makes the open loop device read and write `file`, under a name of at most 63 bytes, until nobody has it open (LOOP_CONFIGURE,
    /// LO_FLAGS_AUTOCLEAR). EBUSY where another was faster.
    public static func mapLoopDevice(_ device: Int32, to file: Int32, named name: UnsafePointer<CChar>, isReadOnly: Bool) -> Int32 {
        linux_map_loop(device, file, name, isReadOnly ? 1 : 0)
    }

    /// The name that an open loop device was given; nil when nothing is behind it (LOOP_GET_STATUS64).
    public static func loopDeviceName(_ device: Int32) -> [UInt8]? {
        var name = [CChar](repeating: 0, count: 64)
        guard linux_loop_name(device, &name) == 0 else { return nil }
        return name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    }

    /// Nothing is behind the open loop device any more, once nobody has it open (LOOP_CLR_FD).
    public static func unmapLoopDevice(_ device: Int32) -> Int32 { linux_unmap_loop(device) }

    /// Mounts a device read-only, without what could be run or opened as a device (mount(2): MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC).
    public static func mountReadOnly(
        _ device: UnsafePointer<CChar>, at folder: UnsafePointer<CChar>, type: UnsafePointer<CChar>, options: UnsafePointer<CChar>
    ) -> Int32 {
        linux_mount_read_only(device, folder, type, options)
    }

    /// Of what is mounted at `folder` itself (umount2(2), UMOUNT_NOFOLLOW).
    public static func unmount(_ folder: UnsafePointer<CChar>) -> Int32 { linux_unmount(folder) }

    /// Somebody, or the kernel, has the file open for writing. False where nobody has, or where the file system or our rights do not tell. `file`
    /// must be open for reading alone (fcntl(2), F_SETLEASE).
    public static func isWrittenElsewhere(_ file: Int32) -> Bool { linux_is_written_elsewhere(file) == 1 }
}
