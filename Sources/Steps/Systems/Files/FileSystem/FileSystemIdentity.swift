import HostKit
import Glibc

/// Tells a file system from every other while it is mounted. Subvolumes of one btrfs have device numbers of their own, so its own id is asked.
struct FileSystemIdentity: Sendable, Hashable {
    let text: String

    init(text: String) { self.text = text }

    /// Of the file system that holds the open file or folder.
    init?(of descriptor: Int32) {
        if let identity = Kernel.btrfsIdentity(of: descriptor) {
            text = "btrfs:" + identity.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            return
        }
        var (found, system) = (stat(), statvfs())
        guard fstat(descriptor, &found) == 0, fstatvfs(descriptor, &system) == 0 else { return nil }
        // Device numbers are given out again; what a file system was made with is not.
        text = "device:\(found.st_dev):\(system.f_fsid)"
    }

    /// Of the path, or of the nearest folder above it that exists.
    init?(ofPath path: String) {
        var parts = path.split(separator: "/")
        while true {
            let descriptor = Glibc.open("/" + parts.joined(separator: "/"), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            if descriptor >= 0 {
                defer { Glibc.close(descriptor) }
                self.init(of: descriptor)
                return
            }
            guard !parts.isEmpty else { return nil }
            parts.removeLast()
        }
    }
}
