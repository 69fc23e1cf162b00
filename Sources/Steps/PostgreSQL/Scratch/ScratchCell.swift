import FlowModel
import StepKit

/// Namespaces for a scratch server: no network, and no way to the sockets of servers of this host, which trust the name of the user that it runs
/// as (`peer`). What is in a copy may run programs, when it is a cluster with superusers of its own or a dump that is trusted.
enum ScratchCell {
    private static let words = ["unshare", "--mount", "--net", "--ipc", "--", "/bin/sh", "-c", script, "sh"]

    private static let script = """
        for folder in /run/postgresql /var/run/postgresql; do
            test -d "$folder" || continue
            mount -t tmpfs -o size=4k,mode=0555 none "$folder" || exit 1
        done
        exec "$@"
        """

    /// What stands in front of a program to have it run in one; nothing where this process may make none.
    static func words(for server: ScratchServer) async throws -> [String] {
        guard server.user != nil else { return [] }
        let probe = try ProgramCall(words + ["true"], origin: server.origin, server.context)
        if let result = try? await CommandRunner(probe).run(), result.ending == .exited(0) { return words }
        try Task.checkCancellation()
        server.context.recorder.log(
            .warning,
            "the scratch server shares this host's network: the worker may make no namespaces (CAP_SYS_ADMIN, unshare of util-linux)")
        return []
    }
}
