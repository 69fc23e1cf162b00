import Foundation
import Threads

/// The built `snappy-flow rest-server` over a folder of its own, as a child of the test process.
public final class RestServerRig: Sendable {
    /// With `/` at its end.
    public let url: String
    public let port: Int
    /// What is served.
    public let repositories: String
    public let pid: Int32
    private let logFile: String
    private let scratch: ScratchFolder
    private let server: KeptProgram

    private static let shared = Task {
        try await BlockingPool(label: "rest-server-rig", width: 1).run { try RestServerRig([], nil, isShared: true) }
    }
    /// One for the test process, a folder for each repository.
    public static func running() async throws -> RestServerRig { try await shared.value }

    /// `arguments` besides `--path` and `--listen`. `over`: another's folder, which is served again.
    public static func started(_ arguments: [String] = [], over other: RestServerRig? = nil) async throws -> RestServerRig {
        try await BlockingPool(label: "rest-server-rig", width: 1).run { try RestServerRig(arguments, other) }
    }

    /// Nobody is left to remove what the shared one serves but the shell that holds it.
    private init(_ arguments: [String], _ other: RestServerRig?, isShared: Bool = false) throws {
        scratch = try other?.scratch ?? ScratchFolder("rest-server")
        repositories = scratch.file("repositories")
        try FileManager.default.createDirectory(atPath: repositories, withIntermediateDirectories: true)
        port = try KeptProgram.freePort()
        url = arguments.contains("--tls-cert") ? "https://localhost:\(port)/" : "http://127.0.0.1:\(port)/"
        logFile = scratch.file("log-\(port)")
        let pidFile = scratch.file("pid-\(port)")
        server = try KeptProgram(
            KeptProgram.prelude + """
                program=$1 repositories=$2 port=$3 log=$4 pid=$5 remains=$6; shift 6
                "$program" rest-server --path "$repositories" --listen 127.0.0.1:$port "$@" >/dev/null 2>"$log" </dev/null &
                server=$!
                echo $server >"$pid"
                await $server listens $port || { cat "$log"; kill $server; exit 1; }
                echo ready
                cat >/dev/null
                stop $server
                [ -z "$remains" ] || rm -rf "$remains"
                """, [FlowRig.binary, repositories, "\(port)", logFile, pidFile, isShared ? scratch.path : ""] + arguments)
        let text = try String(contentsOfFile: pidFile, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        guard let pid = Int32(text) else { throw ResticRig.Failure(description: "no process id: \(text)") }
        self.pid = pid
    }

    public var log: String { (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? "" }

    /// Every file that is served, relative to the folder.
    public var files: [String] {
        let all = FileManager.default.enumerator(atPath: repositories)?.allObjects as? [String] ?? []
        return all.filter { path in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: repositories + "/" + path, isDirectory: &isFolder) && !isFolder.boolValue
        }
    }

    /// Writes a file beside the folder that is served.
    @discardableResult
    public func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: scratch.file(name)), options: .atomic)
        return scratch.file(name)
    }
}
