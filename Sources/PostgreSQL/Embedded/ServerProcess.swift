import Foundation
import Glibc

/// The running server of a cluster, as its `postmaster.pid` and the kernel know it.
enum ServerProcess {
    /// The postmaster's process id when it lives. A file left by a crash may name a process that is somebody else's by now.
    static func find(in folder: ClusterFolder) -> pid_t? {
        guard let pid = recorded(in: folder), kill(pid, 0) == 0 || errno == EPERM else { return nil }
        return works(pid, in: folder.data) ? pid : nil
    }

    static func recorded(in folder: ClusterFolder) -> pid_t? {
        guard let text = try? String(contentsOfFile: folder.data + "/postmaster.pid", encoding: .utf8),
            let line = text.split(separator: "\n").first, let pid = pid_t(line), pid > 0
        else { return nil }
        return pid
    }

    /// Removes a `postmaster.pid` that names a living process which is not the server. PostgreSQL would take it for its own and refuse
    /// to start; a dead one's it handles itself. Nothing is removed while any process of the old server is left.
    static func removeMisleadingFile(in folder: ClusterFolder) {
        guard let pid = recorded(in: folder), kill(pid, 0) == 0 || errno == EPERM, !works(pid, in: folder.data) else { return }
        let processes = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
        guard !processes.contains(where: { works($0, in: folder.data) }) else { return }
        unlink(folder.data + "/postmaster.pid")
    }

    /// Every server process works in its data folder.
    private static func works(_ pid: pid_t, in data: String) -> Bool {
        guard let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd") else { return false }
        return place == URL(fileURLWithPath: data).resolvingSymlinksInPath().path
    }
}
