import Foundation

/// Where the program keeps things: the XDG base directories (freedesktop.org basedir-spec); for root, system folders, of which an
/// unprivileged user can reach the database's.
struct Folders {
    /// Control database, logs, freeze guards' notes.
    var state: String
    /// What can be rebuilt.
    var cache: String
    /// Sockets and locks of running processes.
    var runtime: String

    /// Programs that are plug-ins.
    var plugins: String

    init(environment: [String: String] = ProcessInfo.processInfo.environment, isRoot: Bool = geteuid() == 0) {
        func folder(_ variable: String, _ fallback: String) -> String {
            if let value = environment[variable], value.hasPrefix("/") { return value + "/snappy-flow" }
            return fallback
        }
        let home = environment["HOME"] ?? "/tmp"
        state = folder("XDG_STATE_HOME", isRoot ? "/var/lib/snappy-flow" : home + "/.local/state/snappy-flow")
        cache = folder("XDG_CACHE_HOME", isRoot ? "/var/cache/snappy-flow" : home + "/.cache/snappy-flow")
        plugins = environment["SNAPPY_FLOW_PLUGINS"] ?? "/usr/local/lib/snappy-flow/plugins"
        runtime = folder("XDG_RUNTIME_DIR", isRoot ? "/run/snappy-flow" : state + "/run")
    }

    /// Tells this user's own jobs from what others write into the database.
    var sealingKey: String { state + "/jobs.key" }

    /// Indexes, snapshots and trees of repositories, as they lie there.
    var metadata: String { cache + "/repositories" }

    /// Scratch space of this machine's workers.
    var scratch: String { cache + "/scratch" }
}
