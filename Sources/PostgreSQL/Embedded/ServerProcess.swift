import Basics
import Foundation
import Glibc
import HostKit

/// The running server of a cluster, as its `postmaster.pid` and the kernel know it. The file is the server's user's, who may have written
/// anything into it: what it names counts where the kernel agrees, and nobody is signalled for it but by a program of that user's.
enum ServerProcess {
    private static let pidFile = "postmaster.pid"
    private static let socketLock = ".s.PGSQL.5432.lock"

    /// The postmaster's process id when it lives. A file left by a crash may name a process that is somebody else's by now.
    /// Throws where that file is not understood: the server may run all the same.
    static func find(in folder: ClusterFolder) throws(PostgreSQLError) -> pid_t? {
        do throws(Explanation) {
            guard let place = try ForeignFolder(folder.data, of: folder.owner), case .process(let pid) = try content(place, pidFile),
                isAlive(pid)
            else { return nil }
            return works(pid, in: folder) ? pid : nil
        } catch {
            throw PostgreSQLError(error)
        }
    }

    /// Removes lock files that name a living process which is not the server (or one that is dead and not buried yet). PostgreSQL would
    /// take it for its own and refuse to start, as it does where one names nothing; what names nobody it handles itself. Nothing is removed while
    /// any process of the old server is left.
    static func removeMisleadingFiles(in folder: ClusterFolder) throws(PostgreSQLError) {
        var misleading: [(ForeignFolder, String)] = []
        do throws(Explanation) {
            for (path, name) in [(folder.data, pidFile), (folder.socketFolder, socketLock)] {
                guard let place = try ForeignFolder(path, of: folder.owner) else { continue }
                switch try content(place, name) {
                case .process(let pid): if isAlive(pid), !works(pid, in: folder) { misleading.append((place, name)) }
                case .nonsense: misleading.append((place, name))
                case .absent: continue
                }
            }
        } catch {
            throw PostgreSQLError(error)
        }
        guard !misleading.isEmpty else { return }
        let processes = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
        guard !processes.contains(where: { works($0, in: folder) }) else { return }
        for (place, name) in misleading { place.remove(name) }
    }

    private enum Content {
        case absent, nonsense
        case process(pid_t)
    }

    private static func content(_ place: ForeignFolder, _ name: String) throws(Explanation) -> Content {
        guard let bytes = try place.read(name, atMost: 64) else { return .absent }
        let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first ?? ""
        // A standalone server (postgres --single) has its number with a minus sign there.
        guard let pid = pid_t(line.trimmingCharacters(in: .whitespaces)), pid != 0, pid != .min else { return .nonsense }
        return .process(abs(pid))
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
