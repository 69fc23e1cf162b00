import Basics
import PostgreSQL
import StepKit

/// A root of its own for a scratch server, in namespaces without network and other processes. What is in a copy may run programs, when it is a cluster with
/// superusers of its own or a dump that is trusted, and it names folders of the server that it was copied from, which may be this host's: there are
/// programs, read-only, and the server's own folders, and nothing else. No socket of another server either, which would trust the name of the user that
/// this one runs as (`peer`).
enum ScratchCell {
    /// `removing`: the folder of its socket is to go with it.
    private static func words(_ server: ScratchServer, removing: Bool) -> [String] {
        [
            "unshare", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child", "--", "/bin/sh", "-c", script, "sh", server.cell,
            server.binaries.folder, server.sockets, server.folder, server.tree, removing ? server.sockets : "",
        ]
    }

    private static let script = """
        root=$1 programs=$2 sockets=$3 own=$4 tree=$5 last=$6; shift 6
        umask 022
        trap : TERM
        mount -t tmpfs -o size=1m,mode=0755 none "$root" || exit 1
        for folder in /usr /lib /lib32 /lib64 /libx32 /bin /sbin /etc /opt /nix /gnu "${programs%/*}"; do
            if test -d "$root$folder"; then continue; fi
            if test -L "$folder"; then cp -P "$folder" "$root$folder" || exit 1; continue; fi
            test -d "$folder" || continue
            mkdir -p "$root$folder" && mount --rbind "$folder" "$root$folder" && mount -o remount,bind,ro "$root$folder" || exit 1
        done
        mkdir "$root/proc" "$root/dev" "$root/dev/shm" || exit 1
        mount -t proc none "$root/proc"
        mount -t tmpfs -o mode=1777 none "$root/dev/shm" || exit 1
        for device in null zero full random urandom; do
            : >"$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device" || exit 1
        done
        for folder in "$sockets" "$own" "$tree"; do
            mkdir -p "$root$folder" && mount --bind "$folder" "$root$folder" || exit 1
        done
        mount -o remount,bind,ro "$root" || exit 1
        chroot "$root" "$@"
        status=$?
        test -z "$last" || rmdir "$last" 2>/dev/null
        exit $status
        """

    /// What stands in front of a program to have it run in one; nothing where this process may make none.
    static func words(for server: ScratchServer) async throws -> [String] {
        guard server.user != nil else { return [] }
        let probe = try ProgramCall(
            words(server, removing: false) + [server.binaries.program("postgres"), "--version"], origin: server.origin, server.context)
        if let result = try? await CommandRunner(probe).run(), result.ending == .exited(0) {
            return words(server, removing: true)
        }
        try Task.checkCancellation()
        server.context.recorder.log(
            .warning,
            "the scratch server shares this host's files and network: the worker may make no namespaces and mounts (CAP_SYS_ADMIN; unshare, mount, "
                + "chroot)")
        return []
    }
}
