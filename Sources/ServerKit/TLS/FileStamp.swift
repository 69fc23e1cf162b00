import Glibc

/// What changes with every change of a file. Taking one blocks.
public struct FileStamp: Hashable, Sendable {
    private let inode: UInt64
    private let size: Int64
    private let seconds: Int
    private let nanoseconds: Int
    /// Why it could not be taken: an errno; 0 when it could.
    public let failure: Int32

    public init(_ path: String) {
        var status = Glibc.stat()
        failure = stat(path, &status) == 0 ? 0 : errno
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        seconds = status.st_ctim.tv_sec
        nanoseconds = status.st_ctim.tv_nsec
    }
}
