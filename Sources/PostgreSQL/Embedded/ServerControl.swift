import Basics
import Foundation
import HostKit
import Subprocess
import SystemPackage

/// Makes, starts and stops the server of a cluster. The caller holds the control lock.
///
/// Everything in the server's own folders is done by its user's programs, or by a descriptor that follows no link: he may have put anything there.
struct ServerControl: Sendable {
    var folder: ClusterFolder
    var binaries: ServerBinaries
    var isDurable: Bool
    /// The longest that one of its programs may take. pg_ctl itself waits for a minute.
    var patience = TimeSpan.seconds(90)
    /// The longest that making a cluster, or removing what is left of one, may take.
    private static let making = TimeSpan.minutes(15)

    /// Makes the cluster if there is none. A half-made one of a crash is thrown away, and nothing else ever is: what is called `data` was whole once.
    func initialise() async throws {
        guard try folder.major == nil else { return }
        try await remove(folder.unfinished)
        try folder.makeUnfinished()
        var arguments = [
            "-D", folder.unfinished, "-U", ClusterRoles.administrator, "-E", "UTF8", "--locale=C.UTF-8", "--auth-local=peer",
            "--auth-host=reject",
        ]
        if !isDurable { arguments.append("--no-sync") }
        let (succeeded, output) = try await run(binaries.program("initdb"), arguments, within: Self.making)
        guard succeeded else { throw failure("a new cluster", output, withLog: false) }
        guard rename(folder.unfinished, folder.data) == 0 else {
            throw PostgreSQLError(errno: errno, doing: "to finish the cluster", at: folder.data)
        }
        if isDurable { try keepName() }
    }

    /// A machine that loses its power later must not come back with what was used since under the name of what is thrown away.
    private func keepName() throws {
        let place = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if place >= 0 { close(place) } }
        guard place >= 0, fsync(place) == 0 else {
            throw PostgreSQLError(errno: errno, doing: "to keep the name of the new cluster", at: folder.data)
        }
    }

    /// Emptied by its user: what he could not remove himself is not removed.
    private func remove(_ remains: String) async throws {
        if rmdir(remains) == 0 || errno == ENOENT { return }
        if errno != ENOTDIR {
            let (succeeded, output) = try await run(
                "/bin/sh", ["-c", #"exec find "$1" -mindepth 1 -delete"#, "sh", remains], within: Self.making)
            guard succeeded else { throw failure("to remove a cluster that was not finished", output) }
        }
        guard rmdir(remains) == 0 || errno == ENOENT else {
            throw PostgreSQLError(errno: errno, doing: "to remove a cluster that was not finished", at: remains)
        }
    }

    /// Starts the server and waits until it answers.
    func start() async throws {
        let settings = ClusterSettings(folder: folder, isDurable: isDurable)
        try settings.write()
        let hindrances = folder.hindrances
        guard hindrances.isEmpty else { throw heldUp("the server's own files", hindrances) }
        turnLog()
        let deadline = Deadline(after: .seconds(20))
        while true {
            try ServerProcess.removeMisleadingFiles(in: folder)
            let (succeeded, output) = try await run(
                binaries.program("pg_ctl"),
                ["start", "-w", "-t", "60", "-s", "-D", folder.data, "-l", folder.log, "-o", settings.commandLine])
            if succeeded { return }
            // Children of a killed server may hold its shared memory for a moment.
            guard ["still in use", "already exists"].contains(where: logTail.contains), !deadline.hasPassed else {
                throw failure("the server to start", output)
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    func stop() async throws {
        let (succeeded, output) = try await run(
            binaries.program("pg_ctl"), ["stop", "-w", "-t", "60", "-s", "-m", "fast", "-D", folder.data])
        guard try succeeded || ServerProcess.find(in: folder) == nil else { throw failure("the server to stop", output) }
    }

    /// Of our own environment the server gets what says where programs are and what time it is. The rest may hold secrets, and its user can read
    /// what it was started with as long as it runs.
    private static var environment: [Environment.Key: String] {
        var kept: [Environment.Key: String] = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"]
        let ours = ProcessInfo.processInfo.environment
        for name in ["PATH", "LD_LIBRARY_PATH", "TZ"] { if let value = ours[name] { kept[Environment.Key(stringLiteral: name)] = value } }
        return kept
    }

    /// Its user can hold up whatever reads his files: the program is ended then, with what it started.
    private func run(
        _ program: String, _ arguments: [String], within limit: TimeSpan? = nil
    ) async throws -> (succeeded: Bool, output: String) {
        ClientEnvironment.takeOut()
        let call = ServerProgram(program, arguments, as: folder.user)
        let environment = Environment.custom(Self.environment)
        let task = Task {
            let result = try await Subprocess.run(
                call.executable, arguments: call.arguments, environment: environment,
                workingDirectory: "/", platformOptions: .detached, output: .string(limit: 1 << 20), error: .combinedWithOutput)
            return (succeeded: result.terminationStatus.isSuccess, output: result.standardOutput)
        }
        let limit = limit ?? patience
        let alarm = Task {
            try await Task.sleep(for: limit.duration)
            task.cancel()
        }
        defer { alarm.cancel() }
        let result = await withTaskCancellationHandler {
            await task.result
        } onCancel: {
            task.cancel()
        }
        guard task.isCancelled else { return try result.get() }
        try Task.checkCancellation()
        throw heldUp("\((program as NSString).lastPathComponent) \(arguments.first ?? "") to end within \(limit)", folder.hindrances)
    }

    private func heldUp(_ expected: String, _ hindrances: [String]) -> PostgreSQLError {
        let isKnown = !hindrances.isEmpty
        return PostgreSQLError(
            .serverHeldUp, expected: expected,
            found: isKnown ? "what holds up whoever opens it: " + hindrances.prefix(4).joined(separator: ", ") : "it was ended by force",
            at: folder.path,
            advice: isKnown
                ? "see what the user of the server put there, and remove it (rm)" : "see \(folder.log), and whether its disk answers",
            retry: isKnown ? .permanent : .transient)
    }

    // MARK: the log

    private var logs: ForeignFolder? { try? ForeignFolder(folder.logs, of: folder.owner) }

    /// A log that has grown long makes room for a new one.
    private func turnLog() {
        guard let logs, let size = logs.size(of: ClusterFolder.logName), size > 8 << 20 else { return }
        logs.rename(ClusterFolder.logName, to: ClusterFolder.logName + ".1")
    }

    private var logTail: String {
        guard let bytes = try? logs?.read(ClusterFolder.logName, atMost: 2000, fromEnd: true) else { return "" }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(4).joined(separator: "; ").singleLine
    }

    private func failure(_ expected: String, _ output: String, withLog: Bool = true) -> PostgreSQLError {
        let lines = output.split(separator: "\n").map(String.init)
        let complaints = lines.filter { line in ["FATAL", "PANIC", "ERROR", "error:", "HINT"].contains { line.contains($0) } }
        let said = (complaints.isEmpty ? Array(lines.suffix(4)) : complaints).joined(separator: "\n").singleLine
        let found = [said, withLog ? logTail : ""].filter { !$0.isEmpty }.joined(separator: "; log: ")
        let isFull = found.contains("No space left") || found.contains("Disk quota exceeded")
        let isDenied = found.contains("Permission denied") || found.contains("Read-only file system")
        let advice =
            isFull
            ? "free space on the disk of \(folder.path)"
            : isDenied ? "make \(folder.path) writable for this user, or name another place with XDG_STATE_HOME" : "see \(folder.log)"
        return PostgreSQLError(
            isFull ? .noSpace : .serverFailed, expected: expected, found: found, at: folder.path, advice: advice,
            retry: isFull ? .transient : .permanent)
    }
}
