import Foundation
import Threads

/// rclone as a server of restic's REST protocol: one for the test process, a folder for each repository.
public final class RcloneServerRig: Sendable {
    /// With `/` at its end.
    public let url: String
    /// Where the repositories' folders are.
    public let folder: String
    private let scratch: ScratchFolder
    private let server: KeptProgram

    private static let shared = Task { try await BlockingPool(label: "rclone-rig", width: 1).run { try RcloneServerRig() } }
    public static func running() async throws -> RcloneServerRig { try await shared.value }

    private init() throws {
        scratch = try ScratchFolder("rclone")
        folder = scratch.file("repositories")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let port = try KeptProgram.freePort()
        url = "http://127.0.0.1:\(port)/"
        server = try KeptProgram(
            KeptProgram.prelude + """
                rclone --config '' --cache-dir "$1/cache" serve restic --addr 127.0.0.1:$2 "$1/repositories" >/dev/null 2>&1 </dev/null &
                server=$!
                await $server listens $2 || { echo "rclone does not listen; install the package rclone"; kill $server; exit 1; }
                echo ready
                cat >/dev/null
                stop $server
                rm -rf "$1"
                """, [scratch.path, "\(port)"])
    }
}
