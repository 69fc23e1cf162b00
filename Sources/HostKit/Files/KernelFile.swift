import Glibc

/// A file of procfs, which has no size and is read in pieces: Foundation takes a piece that is shorter than it asked for as the last one, and so
/// sees the first page of a list of mounts and not the newest.
public enum KernelFile {
    /// The whole of it; nil when it can't be read.
    public static func read(_ path: String) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }
}
