import FlowModel
import Foundation
import Subprocess
import SystemPackage

/// Makes, starts and stops the server of a cluster. The caller holds the control lock.
struct ServerControl: Sendable {
    var folder: ClusterFolder
    var binaries: ServerBinaries
    var isDurable: Bool

    static let role = "snappy_flow"

    /// Makes the cluster if there is none. A half-made one of a crash is thrown away.
    func initialise() async throws {
        guard folder.major == nil else { return }
        for remains in [folder.unfinished, folder.data] { try? FileManager.default.removeItem(atPath: remains) }
        var arguments = [
            "-D", folder.unfinished, "-U", Self.role, "-E", "UTF8", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=reject",
        ]
        if !isDurable { arguments.append("--no-sync") }
        let (succeeded, output) = try await run("initdb", arguments)
        guard succeeded else { throw failure("initdb-failed", "a new cluster", output) }
        guard rename(folder.unfinished, folder.data) == 0 else {
            throw PostgreSQLError(errno: errno, doing: "to finish the cluster", at: folder.data)
        }
    }

    /// Starts the server and waits until it answers.
    func start() async throws {
        try configure()
        let deadline = Deadline(after: .seconds(20))
        while true {
            ServerProcess.removeMisleadingFiles(in: folder)
            let (succeeded, output) = try await run("pg_ctl", ["start", "-w", "-t", "60", "-s", "-D", folder.data, "-l", folder.log])
            if succeeded { return }
            // Children of a killed server may hold its shared memory for a moment.
            guard ["still in use", "already exists"].contains(where: logTail.contains), !deadline.hasPassed else {
                throw failure("start-failed", "the server to start", output)
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    func stop() async throws {
        let (succeeded, output) = try await run("pg_ctl", ["stop", "-w", "-t", "60", "-s", "-m", "fast", "-D", folder.data])
        guard succeeded || ServerProcess.find(in: folder) == nil else { throw failure("stop-failed", "the server to stop", output) }
    }

    /// Our settings lie in a file of their own, written at each start: the folder may have moved.
    private func configure() throws {
        let main = folder.data + "/postgresql.conf"
        let line = "include_if_exists = 'snappy-flow.conf'\n"
        let text = (try? String(contentsOfFile: main, encoding: .utf8)) ?? ""
        if !text.contains(line) { try folder.write(text + line, to: main) }
        let sockets = folder.socketFolder.replacing("'", with: "''")
        var settings = """
            listen_addresses = ''
            port = 5432
            unix_socket_directories = '\(sockets)'
            unix_socket_permissions = 0700
            max_connections = 200
            wal_level = minimal
            max_wal_senders = 0
            max_wal_size = 256MB
            jit = off
            max_parallel_workers_per_gather = 0
            log_min_messages = warning
            cluster_name = 'snappy-flow'

            """
        if !isDurable { settings += "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n" }
        try folder.write(settings, to: folder.data + "/snappy-flow.conf")
        let size = (try? FileManager.default.attributesOfItem(atPath: folder.log)[.size] as? Int) ?? 0
        if size > 8 << 20 { rename(folder.log, folder.log + ".1") }
    }

    private func run(_ program: String, _ arguments: [String]) async throws -> (succeeded: Bool, output: String) {
        let foreign = ["PGDATA", "PGPORT", "PGHOST", "PGUSER", "PGDATABASE", "PGOPTIONS", "PGSERVICE", "PGPASSWORD"]
        var changes: [Environment.Key: String?] = ["LC_ALL": "C.UTF-8"]
        for name in foreign { changes[Environment.Key(stringLiteral: name)] = .some(nil) }
        let call = ServerProgram(binaries.program(program), arguments, as: folder.user)
        let result = try await Subprocess.run(
            call.executable, arguments: call.arguments, environment: .inherit.updating(changes),
            workingDirectory: "/", platformOptions: .detached, output: .string(limit: 1 << 20), error: .combinedWithOutput)
        return (result.terminationStatus.isSuccess, result.standardOutput)
    }

    private var logTail: String {
        guard let data = FileManager.default.contents(atPath: folder.log) else { return "" }
        return String(decoding: data.suffix(2000), as: UTF8.self).split(separator: "\n").suffix(4).joined(separator: "; ")
    }

    private func failure(_ code: String, _ expected: String, _ output: String) -> PostgreSQLError {
        let lines = output.split(separator: "\n").map(String.init)
        let complaints = lines.filter { line in ["FATAL", "PANIC", "ERROR", "error:", "HINT"].contains { line.contains($0) } }
        let said = (complaints.isEmpty ? Array(lines.suffix(4)) : complaints).joined(separator: "\n").singleLine
        let found = [said, code == "initdb-failed" ? "" : logTail].filter { !$0.isEmpty }.joined(separator: "; log: ")
        let isFull = found.contains("No space left") || found.contains("Disk quota exceeded")
        let isDenied = found.contains("Permission denied") || found.contains("Read-only file system")
        let advice =
            isFull
            ? "free space on the disk of \(folder.path)"
            : isDenied ? "make \(folder.path) writable for this user, or name another place with XDG_STATE_HOME" : "see \(folder.log)"
        return PostgreSQLError(
            code, expected: expected, found: found, at: folder.path, advice: advice, retry: isFull ? .transient : .permanent)
    }
}
