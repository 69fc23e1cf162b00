import Basics
import Glibc
import Synchronization

/// How much all repositories together hold, and may hold. Room is taken before it is written to, so that uploads side by side can't pass
/// the limit together.
final class Quota: Sendable {
    private let limit: Int64?
    private let used: Mutex<Int64>

    init(limit: ByteCount?, used: Int64) {
        self.limit = limit?.bytes
        self.used = Mutex(used)
    }

    /// Bytes, uploads under way included.
    var usedBytes: Int64 { used.withLock { $0 } }

    /// What a folder counts, whatever the file system makes of it.
    static let folderBytes: Int64 = 4096

    /// What an object of so many bytes counts: whole blocks, and one at least, so that room runs out before a million objects of nothing have taken every
    /// inode.
    static func weight(_ bytes: Int64) -> Int64 { max((bytes + 4095) / 4096, 1) * 4096 }

    func take(_ bytes: Int64) throws(Refusal) {
        let isTaken = used.withLock { used in
            guard fits(bytes, used) else { return false }
            used += bytes
            return true
        }
        guard isTaken else { throw full }
    }

    /// Whether there is room now for what was announced. It takes none: what is only announced must not keep others out.
    func expect(_ bytes: Int64) throws(Refusal) {
        guard used.withLock({ fits(bytes, $0) }) else { throw full }
    }

    private func fits(_ bytes: Int64, _ used: Int64) -> Bool {
        guard let limit else { return true }
        let (sum, isTooLarge) = used.addingReportingOverflow(bytes)
        return !isTooLarge && sum <= limit
    }

    private var full: Refusal {
        let size = ByteCount(bytes: limit ?? 0).approximate
        return Refusal(
            .full, "the server's --max-size of \(size) is reached: forget snapshots and prune, or let the server's owner raise it")
    }

    func giveBack(_ bytes: Int64) { used.withLock { $0 -= bytes } }

    /// What files and folders below a folder count. Removes what uploads of a process that was killed a day ago left, where those need names.
    /// Blocks.
    static func measure(_ folder: String, now: Int = time(nil)) throws(Explanation) -> Int64 {
        guard let stream = opendir(folder) else {
            if errno == ENOENT { return 0 }  // somebody removed it meanwhile
            throw Explanation(
                .unreadable, expected: "a readable folder", found: String(cString: strerror(errno)), at: folder,
                advice: "run the server as the owner of everything below --path")
        }
        defer { closedir(stream) }
        var total: Int64 = 0
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix(while: { $0 != 0 }), as: UTF8.self) }
            if name == "." || name == ".." { continue }
            let path = "\(folder)/\(name)"
            var status = Glibc.stat()
            guard lstat(path, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: total += folderBytes + (try measure(path, now: now))
            case S_IFREG where name.hasSuffix(UploadFile.suffix) && status.st_mtim.tv_sec < now - 86400: unlink(path)
            case S_IFREG: total += weight(Int64(status.st_size))
            default: break
            }
        }
        return total
    }
}
