import Glibc

/// Which file it is, whatever it is called.
struct FileIdentity: Sendable, Hashable {
    var device: dev_t
    var inode: ino_t

    init(_ status: stat) { (device, inode) = (status.st_dev, status.st_ino) }
}
