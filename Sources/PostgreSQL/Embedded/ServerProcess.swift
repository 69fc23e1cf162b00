import Foundation
import Glibc

/// The running server of a cluster, as its `postmaster.pid` and the kernel know it.
enum ServerProcess {
    /// The postmaster's process id when it lives. A file left by a crash may name a process that is somebody else's by now.
    static func find(in folder: ClusterFolder) -> pid_t? {
        guard let pid = recorded(in: folder), kill(pid, 0) == 0 || errno == EPERM else { return nil }
        return works(pid, in: folder.data) ? pid : nil
    }

    static func recorded(in folder: ClusterFolder) -> pid_t? { processID(in: folder.data + "/postmaster.pid") }

    /// Removes lock files that name a living process which is not the server (or one that is dead and not buried yet). PostgreSQL would
    /// take it for its own and refuse to start; what names nobody it handles itself. Nothing is removed while any process of the
    /// old server is left.
    static func removeMisleadingFiles(in folder: ClusterFolder) {
        let files = [folder.data + "/postmaster.pid", folder.socketFolder + "/.s.PGSQL.5432.lock"]
        let misleading = files.filter { file in
            guard let pid = processID(in: file), kill(pid, 0) == 0 || errno == EPERM else { return false }
            return !works(pid, in: folder.data)
        }
        guard !misleading.isEmpty else { return }
        let processes = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
        guard !processes.contains(where: { works($0, in: folder.data) }) else { return }
        for file in misleading { unlink(file) }
    }

    private static func processID(in file: String) -> pid_t? {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8), let line = text.split(separator: "\n").first else {
            return nil
        }
        return pid_t(line.trimmingCharacters(in: .whitespaces)).flatMap { $0 > 0 ? $0 : nil }
    }

    /// Every server process works in its data folder.
    private static func works(_ pid: pid_t, in data: String) -> Bool {
        guard let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd") else { return false }
        return place == URL(fileURLWithPath: data).resolvingSymlinksInPath().path
    }
}
