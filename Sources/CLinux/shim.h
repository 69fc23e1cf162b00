// What Swift's Glibc module leaves out, and calls that Swift can't make because they are variadic.
// No _GNU_SOURCE: with it, types that other C modules share would look different here.
// Of <fcntl.h> and <unistd.h> only what is needed is declared, so that `struct stat` stays Glibc's.
#include <errno.h>
#include <linux/btrfs.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

long syscall(long number, ...);

enum { LINUX_CREATE = 0100, LINUX_CLOSE_ON_EXEC = 02000000, LINUX_UNNAMED = 020000000 };

// open(2): O_TMPFILE. A file without a name, which is gone with its last descriptor unless it is given one.
static const int linux_open_unnamed = LINUX_UNNAMED | 0200000;

// open(2): O_NOATIME, which <fcntl.h> shows to GNU sources only.
static const int linux_open_without_atime = 01000000;

// openat2(2): a path is resolved below `folder` only, and no part of it may be a symbolic link.
static inline int linux_open_beneath(int folder, const char *path, int flags, unsigned mode) {
    struct open_how how = {
        .flags = (unsigned)(flags | LINUX_CLOSE_ON_EXEC),
        .mode = (flags & (LINUX_CREATE | LINUX_UNNAMED)) ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

// openat2(2): what a path below `folder` stands for, over links that stay below it; a part that leads out is refused (EXDEV).
static inline int linux_open_within(int folder, const char *path) {
    struct open_how how = {.flags = 010000000 /* O_PATH */ | LINUX_CLOSE_ON_EXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

// open(2): O_PATH | O_NOFOLLOW. What a name stands for itself, to be asked about and not read.
static const int linux_open_name = 010000000 | 0400000;

// statfs(2): the type of the file system that holds `path`, or -1.
static inline long linux_file_system(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 ? (long)(unsigned)status.f_type : -1;
}

// statx(2) of a name in `folder`, of the folder itself where it is empty, never of what a link leads to: 1 where nobody may change it (chattr +i),
// 2 where it may only be added to (chattr +a), 3 both; 0 where neither is so, or nobody tells.
static inline int linux_protection(int folder, const char *name) {
    struct statx found = {0};
    if (syscall(SYS_statx, folder, name, 0x1000 /* AT_EMPTY_PATH */ | 0x100 /* AT_SYMLINK_NOFOLLOW */, 0u, &found) != 0) return 0;
    return (found.stx_attributes & STATX_ATTR_IMMUTABLE ? 1 : 0) | (found.stx_attributes & STATX_ATTR_APPEND ? 2 : 0);
}

// syncfs(2): everything written to the file system of `file` is on disk.
static inline int linux_sync_file_system(int file) { return (int)syscall(SYS_syncfs, file); }

// ioctl_ficlone(2): makes `target` share the extents of `source`.
static inline int linux_clone_file(int target, int source) { return ioctl(target, FICLONE, source); }

// lseek(2): SEEK_DATA and SEEK_HOLE, which <unistd.h> shows to GNU sources only.
static const int linux_seek_data = 3, linux_seek_hole = 4;

// fallocate(2) on a file or block device: the range reads as zeros, without being stored where that is possible.
static inline int linux_zero_range(int file, long long offset, long long length) {
    int keep_size = 0x01, punch_hole = 0x02, zero_range = 0x10;
    if (syscall(SYS_fallocate, file, punch_hole | keep_size, offset, length) == 0) return 0;
    return (int)syscall(SYS_fallocate, file, zero_range | keep_size, offset, length);
}

// FS_IOC_FIEMAP (Documentation/filesystems/fiemap.rst): up to `count` extents from `start`, after what is in memory was written.
// Returns how many, or -1.
static inline int linux_map_extents(int file, unsigned long long start, void *memory, unsigned count) {
    struct fiemap *map = memory;
    *map = (struct fiemap){.fm_start = start, .fm_length = ~0ull - start, .fm_flags = FIEMAP_FLAG_SYNC, .fm_extent_count = count};
    return ioctl(file, FS_IOC_FIEMAP, map) == 0 ? (int)map->fm_mapped_extents : -1;
}
static inline struct fiemap_extent linux_mapped_extent(const void *memory, int index) {
    return ((const struct fiemap *)memory)->fm_extents[index];
}
static inline unsigned long linux_extent_map_size(unsigned count) {
    return sizeof(struct fiemap) + count * sizeof(struct fiemap_extent);
}

// fcntl(2), F_SETLEASE with F_WRLCK or F_UNLCK.
static inline int linux_lease(int file, int kind) { return (int)syscall(SYS_fcntl, file, 1024 /* F_SETLEASE */, kind); }
// 1 when another process, or the kernel (a loop device), has the file open; a write lease is refused then (fcntl(2), F_SETLEASE). 0 where nobody
// has, or where the file system or our rights do not tell.
static inline int linux_is_open_elsewhere(int file) {
    if (linux_lease(file, 1) != 0) return errno == EAGAIN;
    linux_lease(file, 2);
    return 0;
}

// renameat2(2) with RENAME_NOREPLACE: never replaces what is there.
static inline int linux_rename_new(int folder, const char *from, int to_folder, const char *to) {
    return (int)syscall(SYS_renameat2, folder, from, to_folder, to, 1u);
}

// pipe2(2) with O_CLOEXEC: neither end reaches a program that another thread starts meanwhile.
static inline int linux_pipe(int ends[2]) { return (int)syscall(SYS_pipe2, ends, LINUX_CLOSE_ON_EXEC); }

// memfd_create(2): memory as a file of `bytes` bytes, closed on exec, which can't become shorter under who has it mapped (fcntl(2), F_ADD_SEALS with
// F_SEAL_SEAL, F_SEAL_SHRINK and F_SEAL_GROW). -1 where there is none, or where files may not be so long (who makes them is ended for it otherwise).
static inline int linux_memory(const char *name, long long bytes) {
    struct { unsigned long long now, most; } limit;
    if (syscall(SYS_prlimit64, 0, 1 /* RLIMIT_FSIZE */, (void *)0, &limit) != 0 || limit.now < (unsigned long long)bytes) return -1;
    int file = (int)syscall(SYS_memfd_create, name, 3u /* MFD_CLOEXEC | MFD_ALLOW_SEALING */);
    if (file < 0 || (syscall(SYS_ftruncate, file, bytes) == 0 && syscall(SYS_fcntl, file, 1033, 7) == 0)) return file;
    syscall(SYS_close, file);
    return -1;
}

// FIFREEZE and FITHAW: nobody can write to the file system of `folder` in between.
static inline int linux_freeze(int folder) { return ioctl(folder, FIFREEZE, 0); }
static inline int linux_thaw(int folder) { return ioctl(folder, FITHAW, 0); }

// BTRFS_IOC_SNAP_CREATE_V2: makes `name` in `folder` a read-only snapshot of the subvolume `source`. Names are at most 4039 bytes.
static inline int linux_btrfs_snapshot(int folder, int source, const char *name) {
    struct btrfs_ioctl_vol_args_v2 arguments = {.fd = source, .flags = BTRFS_SUBVOL_RDONLY};
    for (unsigned i = 0; i < BTRFS_SUBVOL_NAME_MAX && name[i]; i++) arguments.name[i] = name[i];
    return ioctl(folder, BTRFS_IOC_SNAP_CREATE_V2, &arguments);
}

// BTRFS_IOC_SNAP_DESTROY: removes the subvolume `name` of `folder`.
static inline int linux_btrfs_remove(int folder, const char *name) {
    struct btrfs_ioctl_vol_args arguments = {.fd = 0};
    for (unsigned i = 0; i < BTRFS_PATH_NAME_MAX && name[i]; i++) arguments.name[i] = name[i];
    return ioctl(folder, BTRFS_IOC_SNAP_DESTROY, &arguments);
}

// BTRFS_IOC_SUBVOL_GETFLAGS: 1 when the subvolume is read-only, 0 when not, -1 when it is no subvolume.
static inline int linux_btrfs_is_read_only(int subvolume) {
    unsigned long long flags = 0;
    return ioctl(subvolume, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) == 0 ? (flags & BTRFS_SUBVOL_RDONLY) != 0 : -1;
}

// BTRFS_IOC_FS_INFO: the 16 bytes that all subvolumes of one file system share. 0, or -1 where it is none of btrfs.
static inline int linux_btrfs_identity(int file, unsigned char identity[16]) {
    struct btrfs_ioctl_fs_info_args arguments = {.flags = 0};
    if (ioctl(file, BTRFS_IOC_FS_INFO, &arguments) != 0) return -1;
    for (int i = 0; i < 16; i++) identity[i] = arguments.fsid[i];
    return 0;
}

// loop(4): the number of a free device, made if need be; -1 when there is none.
static inline int linux_free_loop(int control) { return ioctl(control, LOOP_CTL_GET_FREE); }

// LOOP_CONFIGURE: makes the device `loop` read and write `file`, under a name of at most 63 bytes, until nobody has it open (LO_FLAGS_AUTOCLEAR).
static inline int linux_map_loop(int loop, int file, const char *name, int read_only) {
    struct loop_config config = {.fd = (unsigned)file};
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0);
    for (unsigned i = 0; i + 1 < LO_NAME_SIZE && name[i]; i++) config.info.lo_file_name[i] = (unsigned char)name[i];
    return ioctl(loop, LOOP_CONFIGURE, &config);
}

// LOOP_GET_STATUS64: 0 with the name that the device was given, -1 when nothing is behind it.
static inline int linux_loop_name(int loop, char name[64]) {
    struct loop_info64 info;
    if (ioctl(loop, LOOP_GET_STATUS64, &info) != 0) return -1;
    for (int i = 0; i < 64; i++) name[i] = i + 1 < LO_NAME_SIZE ? (char)info.lo_file_name[i] : 0;
    return 0;
}

// LOOP_CLR_FD: nothing is behind the device any more, once nobody has it open.
static inline int linux_unmap_loop(int loop) { return ioctl(loop, LOOP_CLR_FD, 0); }

// mount(2): read-only, without what could be run or opened as a device.
static inline int linux_mount_read_only(const char *device, const char *folder, const char *type, const char *options) {
    return (int)syscall(SYS_mount, device, folder, type, 1ul | 2ul | 4ul | 8ul /* MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC */, options);
}

// umount2(2), of what is mounted there itself (UMOUNT_NOFOLLOW).
static inline int linux_unmount(const char *folder) { return (int)syscall(SYS_umount2, folder, 8); }

// 1 when somebody, or the kernel, has the file open for writing: a read lease is refused then (fcntl(2), F_SETLEASE). 0 where nobody has, or where the
// file system or our rights do not tell. `file` must be open for reading alone.
static inline int linux_is_written_elsewhere(int file) {
    if (linux_lease(file, 0) != 0) return errno == EAGAIN;
    linux_lease(file, 2);
    return 0;
}

// posix_spawn_file_actions_addclosefrom_np(3), which <spawn.h> shows to GNU sources only.
int posix_spawn_file_actions_addclosefrom_np(void *actions, int from);
static inline int linux_spawn_close_from(void *actions, int from) { return posix_spawn_file_actions_addclosefrom_np(actions, from); }
