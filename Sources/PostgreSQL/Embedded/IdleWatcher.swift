import Basics
import Subprocess
import SystemPackage

/// The small process that stops the server when nobody uses it any more.
///
/// Users hold a shared lock that the kernel takes from them however they end, so this works after a crash of every one of them.
/// It is `flock` (util-linux) and `sh`, as ourselves, for the locks are ours, in a session of its own; what it starts for the server runs as
/// the server's user and gets no lock with it. A second one waits a moment, for the first may just be ending, and then leaves.
struct IdleWatcher: Sendable {
    var folder: ClusterFolder
    var binaries: ServerBinaries
    /// Seconds without users before the stop.
    var grace: Int
    /// True: the whole folder is removed after the stop (test clusters).
    var isDisposable: Bool

    /// Waits for the users to go and to stay away; stops under the control lock, so that no start can come between; if a user came,
    /// waits again. Where nothing ran, who was about to start it may have been killed meanwhile: it looks once more, later. Where the
    /// folder is gone, or `db down` was asked for, there is nothing to watch; a removal waits for who controls the server just now.
    /// A pipe that the server's user put in the place of its lock file is left until it is gone; whatever else holds up a program of his has its time.
    ///
    /// Its arguments are the words that make a program the server's user's.
    private static let script = """
        while [ -e "$USERS" ] && [ ! -e "$KEEP" ] && [ ! -e "$DOWN" ]; do
          flock "$USERS" true
          sleep "$GRACE"
          [ -e "$USERS" ] && [ ! -e "$DOWN" ] || break
          flock -o "$CONTROL" flock -o -n "$USERS" sh -c '[ -e "$KEEP" ] || timeout -s KILL 75 "$@" sh -c "$STOP" || exit 3' sh "$@"
          case $? in
            0) break ;;
            3) sleep 5; timeout -s KILL 20 "$@" sh -c "$STATUS" || [ $? -eq 137 ] || break ;;
          esac
        done
        if [ -n "$REMOVE" ] && [ ! -e "$KEEP" ]; then
          flock "$CONTROL" true
          timeout -s KILL 600 "$@" find "$DATA" "$LOGS" "$SOCKETS" -mindepth 1 -delete
          rm -rf "$REMOVE" "$SOCKETS"
        fi
        """

    private static let stop = #"[ ! -p "$DATA/postmaster.pid" ] && exec "$PG_CTL" stop -w -s -m fast -D "$DATA""#
    private static let status = #"[ -p "$DATA/postmaster.pid" ] || exec "$PG_CTL" status -D "$DATA""#

    func start() async throws {
        let environment: [Environment.Key: String] = [
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "KEEP": folder.keepMark, "DOWN": folder.downMark,
            "USERS": folder.usersLock,
            "CONTROL": folder.controlLock, "WATCHER": folder.watcherLock, "GRACE": String(grace), "PG_CTL": binaries.program("pg_ctl"),
            "DATA": folder.data, "LOGS": folder.logs, "REMOVE": isDisposable ? folder.path : "", "SOCKETS": folder.socketFolder,
            "SCRIPT": Self.script, "STOP": Self.stop, "STATUS": Self.status,
        ]
        let start = #"""
            command -v flock >/dev/null && command -v timeout >/dev/null || exit 127
            flock -o -w 2 "$WATCHER" sh -c "$SCRIPT" sh "$@" </dev/null >/dev/null 2>&1 &
            """#
        let result = try await run(
            .path("/bin/sh"), arguments: Arguments(["-c", start, "sh"] + (folder.user?.command([]) ?? [])),
            environment: .custom(environment), workingDirectory: "/",
            platformOptions: .detached, output: .discarded)
        guard result.terminationStatus.isSuccess else {
            throw PostgreSQLError(
                .watcherFailed, expected: "the programs sh, flock and timeout", found: "\(result.terminationStatus)", at: folder.path,
                advice: "install util-linux and coreutils")
        }
    }
}
