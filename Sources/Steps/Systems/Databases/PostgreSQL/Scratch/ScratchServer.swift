import HostKit
import Basics
import Foundation
import PostgreSQL
import StepKit
import SystemPackage

/// A server on a restored copy that touches nothing but the copy and is reached by nobody else: no network, no archiving, no replication in
/// either direction, no libraries or commands that the copy asks for, a Unix socket in a private folder, an unprivileged user, and, where the worker is
/// root, a file system of its own (`ScratchCell`).
///
/// It lives as long as this process holds a pipe to it: whatever ends the process ends the server.
struct ScratchServer: Sendable {
    let binaries: ServerBinaries
    let user: ServerUser?
    /// A folder for its settings, which it only reads; in it one of its own.
    let folder: String
    /// Where its own root is put together (`ScratchCell`).
    var cell: String { folder + "/cell" }
    /// For its log, and for a cluster that is made for it.
    static func own(in folder: String) -> String { folder + "/own" }
    /// The folder of its socket: a short path, for the kernel takes no more than 107 bytes.
    let sockets = "/tmp/snappy-flow-" + String(UInt64.random(in: 0 ... .max), radix: 36)
    let data: String
    /// The restored tree, which the server has beside its own folder.
    let tree: String
    /// What the cluster itself needs set.
    var cluster: [String: String] = [:]
    let context: StepContext
    let origin: String

    /// Where and as whom to connect: the copy knows its own roles.
    func settings(user: String, database: String) -> ConnectionSettings {
        connection(user: user, database: database, ScratchSession.settings(major: binaries.major))
    }

    /// As `settings`, for statements of ours.
    private func ownSettings(_ user: String) -> ConnectionSettings {
        connection(
            user: user, database: PostgreSQLServer.maintenanceDatabase, ScratchSession.ownSettings(major: binaries.major))
    }

    /// The cluster's first role is a superuser, whatever it is called.
    func superuser(as role: String) async throws -> String {
        let row = try await Connection.connect(ownSettings(role)).query(ServerQuery.superuser.text).first
        return try row?.get("name") ?? "postgres"
    }

    /// As `settings`, for what a superuser alone does. Every session of ours with such rights has these.
    func superuserSettings(_ user: String, database: String = PostgreSQLServer.maintenanceDatabase) -> ConnectionSettings {
        connection(user: user, database: database, ScratchSession.superuserSettings(major: binaries.major))
    }

    private func connection(user: String, database: String, _ options: [String]) -> ConnectionSettings {
        var settings = ConnectionSettings(keywords: [
            "host": sockets, "port": String(Self.port), "user": user, "dbname": database,
            "options": ScratchSession.options(options), "passfile": ConnectionSettings.noPasswordFile,
        ])
        settings.applicationName = "snappy-flow check"
        return settings
    }

    static let port = 5432

    /// Runs the server while `body` asks it, then shuts it down cleanly.
    func run<Result: Sendable>(as role: String, _ body: @Sendable () async throws -> Result) async throws -> Result {
        try prepare()
        var ends: [Int32] = [-1, -1]
        guard Kernel.pipe(&ends) == 0 else {
            throw StepError(.failed, expected: "a pipe", found: String(cString: strerror(errno)), at: origin, retry: .transient)
        }
        let (readEnd, writeEnd) = (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
        var call = try program(["/bin/sh", "-c", Self.script, "sh", sockets, log] + command)
        call.arguments = try await ScratchCell.words(for: self) + call.arguments
        let contained = call
        let server = Task { try await CommandRunner(contained).run(input: readEnd) }
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(
                try await withTaskCancellationHandler {
                    try await waitUntilReady(as: role, server)
                    return try await body()
                } onCancel: {
                    server.cancel()
                })
        } catch {
            outcome = .failure(error)
        }
        try? writeEnd.close()
        let end = await server.result
        try? readEnd.close()
        rmdir(sockets)  // where the script did not come to it
        if case .success(let result) = end, case .success = outcome, result.ending != .exited(0) { throw broken("it ended badly") }
        return try outcome.get()
    }

    /// One of the server's programs, as its user. It can gain no rights by running another. `session`: what its sessions set for themselves.
    func program(_ words: [String], session: [String] = []) throws(StepError) -> ProgramCall {
        let words = ["setpriv", "--no-new-privs", "--"] + words
        return try ProgramCall(
            user?.command(words) ?? words,
            environment: ["LC_ALL": .text("C.UTF-8"), "PGOPTIONS": .text(ScratchSession.options(session))], origin: origin, context)
    }

    /// Ends the server when the input ends, and itself, with the socket's folder, when the server does. A shell starts what runs beside it without an
    /// ear for SIGINT, so that one which comes before the server has its own handlers is lost: it is told until it has ended.
    private static let script = """
        sockets=$1 log=$2; shift 2; exec 3<&0
        "$@" >"$log" 2>&1 </dev/null 3<&- &
        server=$!
        (while read -r line <&3; do :; done; while kill -INT $server 2>/dev/null; do sleep 1; done) &
        keeper=$!
        trap 'kill -QUIT $server' TERM
        wait $server; status=$?
        while kill -0 $server 2>/dev/null; do wait $server; status=$?; done
        rm -rf "$sockets" 2>/dev/null
        kill $keeper 2>/dev/null
        exit $status
        """

    private static let logName = "log"
    private var log: String { Self.own(in: folder) + "/" + Self.logName }

    /// Command line settings win over every file that the copy brings.
    private var command: [String] {
        let isolation = [
            "config_file": folder + "/server.conf", "hba_file": folder + "/hba.conf", "ident_file": folder + "/ident.conf",
            "unix_socket_directories": sockets, "unix_socket_permissions": "0700", "port": String(Self.port), "listen_addresses": "",
            "external_pid_file": "", "ssl": "off", "archive_mode": "off", "archive_command": "", "restore_command": "",
            "archive_cleanup_command": "", "recovery_end_command": "", "primary_conninfo": "", "primary_slot_name": "",
            "max_wal_senders": "0", "max_logical_replication_workers": "0", "synchronous_standby_names": "",
            "shared_preload_libraries": "", "session_preload_libraries": "", "local_preload_libraries": "",
            "dynamic_library_path": "$libdir", "logging_collector": "off", "log_destination": "stderr", "lc_messages": "C",
            "autovacuum": "off", "fsync": "off", "jit": "off", "max_connections": "20", "shared_buffers": "32MB", "huge_pages": "off",
        ]
        return [binaries.program("postgres"), "-D", data]
            + isolation.merging(cluster) { own, _ in own }.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    }

    private func prepare() throws {
        try Self.makeFolder(folder, for: user)
        let settings = try OwnFolder(opening: folder)
        _ = try OwnFolder(making: cell)
        for (name, text) in [("server.conf", ""), ("ident.conf", ""), ("hba.conf", "local all all trust\n")] {
            try settings.write(Array(text.utf8), to: name, readableBy: user?.groupID)
        }
        // Nobody else can exchange what we make in a folder like /tmp.
        guard mkdir(sockets, 0o700) == 0, user.map({ lchown(sockets, $0.userID, $0.groupID) == 0 }) ?? true else {
            throw StepError(
                .failed, expected: "a folder for a socket", found: String(cString: strerror(errno)), at: sockets, retry: .transient)
        }
    }

    /// The server's folder, and the one in it that is the user's. Made once: what the user has is not touched again.
    static func makeFolder(_ folder: String, for user: ServerUser?) throws {
        _ = try OwnFolder(making: folder, mode: user == nil ? 0o700 : 0o711, above: 0o700)
        let own = own(in: folder)
        guard mkdir(own, 0o700) == 0 || errno == EEXIST, user.map({ lchown(own, $0.userID, $0.groupID) == 0 }) ?? true else {
            throw StepError(
                .failed, expected: "a folder for a scratch server", found: String(cString: strerror(errno)), at: own, retry: .transient)
        }
    }

    /// Recovery takes what it takes; the server's end or a cancellation ends the wait.
    private func waitUntilReady(as role: String, _ server: Task<ProgramResult, any Error>) async throws {
        let hasEnded = EndMark()
        let watch = Task {
            _ = await server.result
            hasEnded.raise()
        }
        defer { watch.cancel() }
        while true {
            do {
                return try await forgetSettings(as: role)
            } catch let error as PostgreSQLError where error.retry == .transient {
                if hasEnded.isRaised { throw broken(lastWords) }
                // One that is up and refuses will not change its mind.
                if error.found.contains("FATAL:"), !Self.passing.contains(where: { error.found.contains($0) }) { throw broken(error.found) }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Roles and databases can ask for libraries in settings of their own, which win over the server's: only a superuser's connection is spared, and
    /// strikes those settings out. Where none can connect, they are loaded as on the server that was copied.
    private func forgetSettings(as role: String) async throws {
        let likely = Set([role, "postgres"]).sorted()
        for name in likely { if try await forgetSettings(by: name) { return } }
        let first = try await superuser(as: role)
        if !likely.contains(first), try await forgetSettings(by: first) { return }
        _ = try await Connection.connect(settings(user: role, database: PostgreSQLServer.maintenanceDatabase))
    }

    /// False where it may not.
    private func forgetSettings(by superuser: String) async throws -> Bool {
        do {
            try await Connection.connect(superuserSettings(superuser)).query(
                ServerQuery.forgetSettings.text, [.text(ScratchSession.struckOut)])
            return true
        } catch let error as PostgreSQLError where error.retry != .transient {
            return false
        }
    }

    private static let passing = ["starting up", "shutting down", "not yet accepting", "in recovery mode", "too many clients"]

    private typealias EndMark = ReplicationSession.StopMark

    /// What the server said last that is worth telling.
    private var lastWords: String {
        let place = try? ForeignFolder(Self.own(in: folder), of: user?.userID)
        let text = String(decoding: (try? place?.read(Self.logName, atMost: 64 << 10, fromEnd: true)) ?? [], as: UTF8.self)
        let lines = text.split(separator: "\n").map(String.init)
        let complaints = lines.filter { line in ["FATAL", "PANIC", "ERROR", "HINT"].contains { line.contains($0) } }
        return (complaints.isEmpty ? Array(lines.suffix(3)) : Array(complaints.suffix(4))).joined(separator: " | ")
    }

    /// A worker without room says nothing of the copy.
    private func broken(_ found: String) -> StepError {
        let wants = ["No space left on device", "Cannot allocate memory", "could not map anonymous shared memory", "Too many open files"]
        if wants.contains(where: { found.contains($0) }) {
            return StepError(
                .failed, expected: "room for a scratch server", found: found, at: data,
                advice: "free disk or memory on the worker's host, or set XDG_CACHE_HOME to a larger file system", retry: .transient)
        }
        return StepError(
            .verification, expected: "the restored copy to start as a server", found: found.isEmpty ? "nothing that it said" : found,
            at: data,
            advice: "a copy that does not start is no backup: look at the source, and copy it anew")
    }
}
