import Foundation
import Glibc
import OwnFolders

/// The running server of a cluster, as its `postmaster.pid` and the kernel know it. The file is the server's user's, who may have written
/// anything into it: what it names counts where the kernel agrees, and nobody is signalled for it but by a program of that user's.
enum ServerProcess {
    private static let pidFile = "postmaster.pid"
    private static let socketLock = ".s.PGSQL.5432.lock"

    /// The postmaster's process id when it lives. A file left by a crash may name a process that is somebody else's by now.
    static func find(in folder: ClusterFolder) -> pid_t? {
        guard let pid = ForeignFolder(folder.data, of: folder.owner).flatMap({ processID($0, pidFile) }), isAlive(pid) else { return nil }
        return works(pid, in: folder) ? pid : nil
    }

    /// Removes lock files that name a living process which is not the server (or one that is dead and not buried yet). PostgreSQL would
    /// take it for its own and refuse to start; what names nobody it handles itself. Nothing is removed while any process of the
    /// old server is left.
    static func removeMisleadingFiles(in folder: ClusterFolder) {
        let places = [(folder.data, pidFile), (folder.socketFolder, socketLock)].compactMap { path, name in
            ForeignFolder(path, of: folder.owner).map { ($0, name) }
        }
        let misleading = places.filter { place, name in
            guard let pid = processID(place, name), isAlive(pid) else { return false }
            return !works(pid, in: folder)
        }
        guard !misleading.isEmpty else { return }
        let processes = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
        guard !processes.contains(where: { works($0, in: folder) }) else { return }
        for (place, name) in misleading { place.remove(name) }
    }

    private static func processID(_ place: ForeignFolder, _ name: String) -> pid_t? {
        guard let bytes = place.read(name, atMost: 64), let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first
        else {
            return nil
        }
        return pid_t(line.trimmingCharacters(in: .whitespaces)).flatMap { $0 > 0 ? $0 : nil }
    }

    private static func isAlive(_ pid: pid_t) -> Bool { kill(pid, 0) == 0 || errno == EPERM }

    /// Every server process is its user's, and works in its data folder.
    private static func works(_ pid: pid_t, in folder: ClusterFolder) -> Bool {
        var status = stat()
        guard stat("/proc/\(pid)", &status) == 0, status.st_uid == folder.owner,
            let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")
        else { return false }
        return place == URL(fileURLWithPath: folder.data).resolvingSymlinksInPath().path
    }
}
