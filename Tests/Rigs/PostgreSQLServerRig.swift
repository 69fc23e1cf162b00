import Foundation
import Glibc
public import PostgreSQL
import Threads

/// A private PostgreSQL server to back up and to break: it takes connections on a Unix socket of its own folder, where `postgres` is trusted
/// and every other role gives its password. It ends, and its folder goes, with the test process, in whatever way that ends.
public final class PostgreSQLServerRig: Sendable {
    /// Everything of the server.
    public let folder: String
    public let port: Int
    /// The cluster's first role, which is trusted.
    public let superuser: String
    private let keeper: Keeper

    public let data: String
    /// What `host` of a system is to be.
    public var socketFolder: String { folder + "/socket" }
    /// The folder of the server's programs.
    public let programs: String

    /// The shell that holds the server; it stops it when its input ends.
    private final class Keeper: @unchecked Sendable {  // started and closed by one test
        let process = Process()
        let input = Pipe()
    }

    /// Starts a new cluster with data checksums. `configuration` is added to postgresql.conf, `access` to pg_hba.conf, `initdb` to initdb's options.
    /// `data` is an empty folder for the cluster, given to the server's user; one of its own by default.
    public static func start(
        configuration: [String] = [], access: [String] = [], initdb: [String] = [], superuser: String = "postgres", data: String? = nil
    ) async throws -> PostgreSQLServerRig {
        guard let binaries = await ServerBinaries.installed().first else {
            throw ResticRig.Failure(description: "expected PostgreSQL on this machine, found none; install the package postgresql")
        }
        return try await BlockingPool(label: "server-rig", width: 1).run {
            try PostgreSQLServerRig(
                programs: binaries.folder, configuration: configuration, access: access, initdb: initdb, superuser: superuser, data: data)
        }
    }

    private init(
        programs: String, configuration: [String], access more: [String], initdb: [String], superuser: String, data: String?
    ) throws {
        self.programs = programs
        self.superuser = superuser
        folder = "\(NSTemporaryDirectory())/snappy-flow-server-\(UUID().uuidString.prefix(8))".replacingOccurrences(of: "//", with: "/")
        self.data = data ?? folder + "/data"
        port = 5432
        keeper = Keeper()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let settings =
            [
                "listen_addresses = ''", "unix_socket_directories = '\(folder)/socket'", "wal_level = replica", "max_wal_senders = 8",
                "max_replication_slots = 8", "fsync = off", "shared_buffers = 16MB", "max_wal_size = 128MB", "log_min_messages = warning",
            ] + configuration
        // Every role but the superuser gives its password, for databases and for replication.
        let access = [
            "local all \(superuser) trust", "local replication \(superuser) trust", "local all all scram-sha-256",
            "local replication all scram-sha-256",
        ]
        try (settings.joined(separator: "\n") + "\n").write(toFile: folder + "/own.conf", atomically: true, encoding: .utf8)
        try ((access + more).joined(separator: "\n") + "\n").write(toFile: folder + "/own.hba", atomically: true, encoding: .utf8)
        let user = try ServerUser.current()
        if let user {
            for place in [folder] + (data.map { [$0] } ?? []) { chown(place, user.userID, user.groupID) }
        }
        let words = ["/bin/sh", "-c", Self.script, "sh", folder, programs, superuser, self.data] + initdb
        keeper.process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        keeper.process.arguments = user?.command(words) ?? words
        keeper.process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"]
        keeper.process.currentDirectoryURL = URL(fileURLWithPath: "/")
        keeper.process.standardInput = keeper.input
        keeper.process.standardOutput = FileHandle.nullDevice
        keeper.process.standardError = FileHandle.nullDevice
        try keeper.process.run()
        try waitUntilReady()
    }

    /// Runs as the server's user: makes the cluster, starts it, waits for the end of its input, and clears up.
    private static let script = """
        folder=$1 programs=$2 superuser=$3 data=$4; shift 4
        cd "$folder" || exit 1
        mkdir -p socket
        "$programs/initdb" -D "$data" -U "$superuser" -E UTF8 --locale=C.UTF-8 --data-checksums --no-sync --no-instructions "$@" >init.log 2>&1 ||
            { touch failed; exit 1; }
        cat own.conf >>"$data/postgresql.conf"
        cp own.hba "$data/pg_hba.conf"
        "$programs/pg_ctl" start -w -t 60 -s -D "$data" -l server.log || { touch failed; exit 1; }
        touch ready
        cat >/dev/null
        "$programs/pg_ctl" stop -w -t 30 -s -m immediate -D "$data"
        rm -rf "$folder"/*
        """

    private func waitUntilReady() throws {
        try waitUntil("the server's start", seconds: 120) {
            if FileManager.default.fileExists(atPath: folder + "/ready") { return true }
            if FileManager.default.fileExists(atPath: folder + "/failed") || !keeper.process.isRunning {
                let log = ["init.log", "server.log"].compactMap { try? String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8) }
                throw ResticRig.Failure(description: "the server did not start: \(log.joined(separator: "\n"))")
            }
            return false
        }
    }

    /// Stops the server and removes its folder.
    public func stop() {
        guard keeper.process.isRunning else { return }
        try? keeper.input.fileHandleForWriting.close()
        keeper.process.waitForEnd()
        try? FileManager.default.removeItem(atPath: folder)
    }

    deinit { stop() }

    /// Restarts it, as a crash would: without a shutdown checkpoint.
    public func restart() async throws {
        try await halt()
        try await resume()
    }

    /// Starts it again after `halt`.
    public func resume() async throws {
        // Children of a killed server may hold its memory for a moment.
        try await eventually("the server's new start, see \(folder)/server.log", every: .milliseconds(50)) {
            (try? await control(["start", "-w", "-t", "60", "-s"])) != nil
        }
    }

    /// Stops it, as a crash would, and leaves it stopped.
    public func halt() async throws { try await control(["stop", "-w", "-t", "60", "-s", "-m", "immediate"]) }

    /// What `--database` is to be.
    public var address: String { "host=\(socketFolder) port=\(port) user=\(superuser) dbname=postgres" }

    private func control(_ arguments: [String]) async throws {
        // With its output in a file: the server keeps what it is given.
        _ = try await run("pg_ctl", arguments + ["-D", data, "-l", folder + "/server.log"])
    }

    /// Runs one of the server's programs as its user and returns what it printed.
    @discardableResult
    public func program(_ name: String, _ arguments: String...) async throws -> String { try await run(name, arguments) }

    private func run(_ name: String, _ arguments: [String]) async throws -> String {
        let words = ["\(programs)/\(name)"] + arguments
        return try await HostProgram.run(try ServerUser.current()?.command(words) ?? words)
    }

    /// Starts a server on a restored data folder, as an operator would, for as long as `body` asks its database.
    public func serving<Result>(
        _ data: String, database: String = "orders", _ body: (Connection) async throws -> Result
    ) async throws -> Result {
        let sockets = folder + "/restored-\(UInt16.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: sockets, withIntermediateDirectories: true)
        if let user = try ServerUser.current() { chown(sockets, user.userID, user.groupID) }
        try await program(
            "pg_ctl", "start", "-w", "-t", "60", "-s", "-D", data, "-l", sockets + "/log", "-o", "-c unix_socket_directories='\(sockets)'")
        let outcome: Swift.Result<Result, any Error>
        do {
            let settings = ConnectionSettings(socketFolder: sockets, user: superuser, database: database)
            outcome = .success(try await body(try await Connection.connect(settings)))
        } catch {
            outcome = .failure(error)
        }
        try await program("pg_ctl", "stop", "-w", "-s", "-m", "immediate", "-D", data)
        return try outcome.get()
    }

    public func settings(database: String = "postgres", user: String? = nil) -> ConnectionSettings {
        ConnectionSettings(socketFolder: socketFolder, port: port, user: user ?? superuser, database: database)
    }

    /// Runs a script as the superuser.
    public func execute(_ script: String, database: String = "postgres") async throws {
        try await Connection.connect(settings(database: database)).execute(script: script)
    }

    /// The first row's first column, by the name `value`.
    public func value(_ sql: String, database: String = "postgres") async throws -> String? {
        try await Connection.connect(settings(database: database)).query(sql).first?.find("value")
    }
}
