// What Swift's Glibc module leaves out, and calls that Swift can't make because they are variadic.
// No _GNU_SOURCE: with it, types that other C modules share would look different here.
// Of <fcntl.h> and <unistd.h> only what is needed is declared, so that `struct stat` stays Glibc's.
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

long syscall(long number, ...);

enum { LINUX_CREATE = 0100, LINUX_CLOSE_ON_EXEC = 02000000 };

// open(2): O_NOATIME, which <fcntl.h> shows to GNU sources only.
static const int linux_open_without_atime = 01000000;

// openat2(2): a path is resolved below `folder` only, and no part of it may be a symbolic link.
static inline int linux_open_beneath(int folder, const char *path, int flags, unsigned mode) {
    struct open_how how = {
        .flags = (unsigned)(flags | LINUX_CLOSE_ON_EXEC),
        .mode = (flags & LINUX_CREATE) ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

// ioctl_ficlone(2): makes `target` share the extents of `source`.
static inline int linux_clone_file(int target, int source) { return ioctl(target, FICLONE, source); }

// renameat2(2) with RENAME_NOREPLACE: never replaces what is there.
static inline int linux_rename_new(int folder, const char *from, int to_folder, const char *to) {
    return (int)syscall(SYS_renameat2, folder, from, to_folder, to, 1u);
}

// pipe2(2) with O_CLOEXEC: neither end reaches a program that another thread starts meanwhile.
static inline int linux_pipe(int ends[2]) { return (int)syscall(SYS_pipe2, ends, LINUX_CLOSE_ON_EXEC); }
