import Foundation
import Threads

/// moto, an S3 server for tests: quick and broad, but it checks neither signatures nor what arrives. One for the test process.
public final class MotoRig: Sendable {
    public let url: String
    private let scratch: ScratchFolder
    private let server: KeptProgram

    private static let shared = Task { try await BlockingPool(label: "moto-rig", width: 1).run { try MotoRig() } }
    public static func running() async throws -> MotoRig { try await shared.value }

    private init() throws {
        scratch = try ScratchFolder("moto")
        let port = try KeptProgram.freePort()
        url = "http://127.0.0.1:\(port)"
        server = try KeptProgram(
            KeptProgram.prelude + """
                "$1" -H 127.0.0.1 -p $2 >"$3/log" 2>&1 </dev/null & server=$!
                await $server listens $2 || { echo "moto does not listen: $(tail -n2 "$3/log"); scripts/test installs it"; kill $server; exit 1; }
                echo ready
                cat >/dev/null
                stop $server
                """, [FlowRig.packageRoot + "/.venv-tests/bin/moto_server", "\(port)", scratch.path])
    }
}
