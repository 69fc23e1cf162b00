import Basics
import Foundation
import Rigs
import Subprocess
import Testing

@testable import PostgreSQL

@Suite struct EmbeddedClusterTests {
    /// A cluster of this test's own; stopped and removed by its own watcher a second after the last lease.
    private func make(_ name: String = "cluster", durable: Bool = true) throws -> EmbeddedCluster {
        let path = NSTemporaryDirectory() + "/snappy-flow-\(name)-\(UInt32.random(in: .min ... .max))"
        return try EmbeddedCluster(path: path, isDurable: durable, isDisposable: true, grace: .seconds(1))
    }

    private func one(_ settings: ConnectionSettings) async throws -> Int? {
        try await Connection.connect(settings).query("SELECT 1 AS one").first?.get("one")
    }

    /// Returns when the server has hung up.
    private func waitForStop(_ settings: ConnectionSettings) async {
        let listener = Listener(settings, channels: ["x"])
        for await event in listener.events {
            if case .interrupted = event { return }
        }
    }

    @Test func itIsMadeUsedAndStopsWhenIdle() async throws {
        // Not disposable: what is half removed is no cluster that is understood.
        let cluster = try EmbeddedCluster.ofTest(isDurable: true, isDisposable: false)
        #expect(try cluster.status() == .init(isInUse: false, isKept: false))
        var lease: EmbeddedCluster.Lease? = try await cluster.acquire()
        let settings = try #require(lease).settings
        let status = try cluster.status()
        #expect(status.isInUse && !status.isKept)
        #expect((status.major ?? 0) >= 15)
        let connection = try await Connection.connect(settings)
        func show(_ name: String) async throws -> String? {
            try await connection.query("SELECT current_setting('\(name)') AS s").first?.get("s")
        }
        #expect(try await show("listen_addresses") == "")
        #expect(try await show("fsync") == "on")
        #expect(try await show("server_encoding") == "UTF8")
        #expect(
            try await connection.query("SELECT datcollate AS c FROM pg_database WHERE datname = current_database()").first?.get("c")
                == "C.UTF-8")
        // A session of its own: the terminal's Ctrl-C does not reach it.
        let server = try #require(status.processID)
        #expect(getsid(server) != getsid(0))
        async let stopped: Void = waitForStop(settings)
        lease = nil
        await stopped
        // The watcher stops it under this lock.
        withExtendedLifetime(
            try? await FileLock.take(cluster.folder.controlLock, .exclusive, within: .seconds(30))
        ) {}
        #expect(try cluster.status().processID == nil)
        try? FileManager.default.removeItem(atPath: cluster.path)
    }

    @Test func theLookAtAServerThatIsKeptLeavesAConnection() async throws {
        let cluster = try make()
        _ = try await cluster.up()
        let lease = try await cluster.acquire {
            var settings = $0
            settings.applicationName = "of-the-session"
            return settings
        }
        let connection = try #require(lease.takeConnection())
        #expect(try await connection.query("SELECT current_setting('application_name') AS name").first?.get("name") == "of-the-session")
        #expect(lease.takeConnection() == nil, "used by one only")
        _ = try await cluster.down(force: true)
        try? FileManager.default.removeItem(atPath: cluster.path)
    }

    @Test func manyAtOnceShareOneServer() async throws {
        let cluster = try make()
        let leases = try await withThrowingTaskGroup(of: EmbeddedCluster.Lease.self) { group in
            for _ in 0..<6 { group.addTask { try await cluster.acquire() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        var servers: Set<Int> = []
        for lease in leases {
            // Whose process it is only a superuser sees.
            let rows = try await ClusterRoles(folder: cluster.folder).administration().query(
                "SELECT pg_postmaster_start_time()::text || pid AS s, pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
            servers.insert(try #require(rows.first).get("pid"))
            withExtendedLifetime(lease) {}
        }
        #expect(servers.count == 1)
    }

    @Test func anotherProcessKeepsItAliveAndItsDeathEndsIt() async throws {
        let cluster = try make()
        var lease: EmbeddedCluster.Lease? = try await cluster.acquire()
        let settings = try #require(lease).settings
        async let stopped: Void = waitForStop(settings)
        // Another command's lock, in a process that ends the hard way.
        _ = try await run(
            .name("sh"), arguments: ["-c", #"exec 9<"$0"; flock -s 9; echo held; exec sleep 600"#, cluster.folder.usersLock], input: .none,
            output: .sequence, error: .discarded
        ) { execution in
            for try await line in execution.standardOutput.strings() where line.contains("held") {
                lease = nil
                // Longer than the grace.
                _ = try await Connection.connect(settings).query("SELECT pg_sleep(2.5)")
                try execution.send(signal: .kill)
                break
            }
        }
        await stopped
    }

    @Test func aKilledServerIsRecoveredWithItsData() async throws {
        let cluster = try make()
        let lease = try await cluster.acquire()
        let connection = try await Connection.connect(lease.settings)
        try await connection.execute(script: "CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) n")
        for _ in 0..<2 {
            let server = try #require(try cluster.status().processID)
            async let stopped: Void = waitForStop(lease.settings)
            while try await Connection.connect(lease.settings).query("SELECT 1 FROM pg_stat_activity WHERE query = 'LISTEN \"x\"'").isEmpty
            {}
            #expect(kill(server, SIGKILL) == 0)
            await stopped
            let again = try await cluster.acquire()
            let rows = try await Connection.connect(again.settings).query("SELECT count(*) AS n FROM t")
            #expect(try rows.first?.get("n") == 1000)
            #expect(try cluster.status().processID != server)
        }
    }

    @Test func aServerThatDiesInUseIsStartedAgainUnlessItWasTakenDown() async throws {
        let cluster = try make()
        let lease = try await cluster.acquire()
        let server = try #require(try cluster.status().processID)
        #expect(kill(server, SIGKILL) == 0)
        // No other command comes: the lease's holder sees to it.
        let pool = Pool(lease.settings, patience: RetryPolicy(attempts: 300, backoff: .milliseconds(100), maxBackoff: .milliseconds(100)))
        var again: pid_t? = server
        while again == nil || again == server {
            _ = try await pool.query("SELECT 1")
            again = try cluster.status().processID
        }
        #expect(try await cluster.down(force: true))
        try await Task.sleep(for: .seconds(2))  // twice the keeper's pace: there is nothing to wait for but its doing nothing
        #expect(try cluster.status().processID == nil)
        #expect(try await one(try await cluster.acquire().settings) == 1)
        withExtendedLifetime(lease) {}
    }

    @Test func aPidFileThatNamesSomebodyElseIsNoHindrance() async throws {
        let cluster = try make()
        let first = try await cluster.acquire()
        #expect(try await cluster.down(force: true))
        // As a crash and a reused process id would leave it: ours is alive and no server.
        try await cluster.asServer("echo \(getpid()) >'\(cluster.folder.data)/postmaster.pid'")
        #expect(try cluster.status().processID == nil)
        let second = try await cluster.acquire()
        #expect(try await one(second.settings) == 1)
        withExtendedLifetime(first) {}
    }

    @Test func aHalfMadeClusterIsMadeAnew() async throws {
        let cluster = try make()
        try cluster.folder.create()
        try cluster.folder.makeUnfinished()
        try await cluster.asServer(
            "cd '\(cluster.folder.unfinished)' && mkdir base && touch .hidden base/1 && echo rubbish >postgresql.conf")
        let lease = try await cluster.acquire()
        #expect(try await one(lease.settings) == 1)
    }

    @Test(arguments: [14, 99]) func aClusterOfAnotherVersionIsLeftAloneWithAMessage(major: Int) async throws {
        let cluster = try make()
        try cluster.folder.create()
        try cluster.folder.makeUnfinished()
        #expect(rename(cluster.folder.unfinished, cluster.folder.data) == 0)
        try await cluster.asServer("echo \(major) >'\(cluster.folder.data)/PG_VERSION'")
        defer { try? FileManager.default.removeItem(atPath: cluster.path) }
        let error = await #expect(throws: PostgreSQLError.self) { _ = try await cluster.acquire() }
        #expect(error?.code == "cluster-version")
        #expect(error?.advice.contains("postgresql-\(major)") == true)
        #expect(error?.advice.contains(cluster.path) == true)
        #expect(try cluster.folder.major == major)
    }

    @Test func upKeepsItAndDownStopsIt() async throws {
        let cluster = try make()
        let settings = try await cluster.up()
        #expect(try await one(settings) == 1)
        #expect(try cluster.status().isKept)
        // The watcher holds the lock for a moment, now and then, to see whether anybody does.
        try await eventually("nobody uses it") { try !cluster.status().isInUse }
        var lease: EmbeddedCluster.Lease? = try await cluster.acquire()
        let error = await #expect(throws: PostgreSQLError.self) { _ = try await cluster.down() }
        #expect(error?.code == "cluster-in-use")
        withExtendedLifetime(lease) {}
        lease = nil
        #expect(try await cluster.down())
        #expect(try cluster.status().processID == nil)
        #expect(try await cluster.down() == false)
        try? FileManager.default.removeItem(atPath: cluster.path)
    }

    @Test func aPathTooLongForASocketIsNoHindrance() async throws {
        let cluster = try make(String(repeating: "long", count: 30))
        #expect(cluster.folder.socketFolder.hasPrefix("/tmp/snappy-flow-"))
        let lease = try await cluster.acquire()
        #expect(try await one(lease.settings) == 1)
    }

    @Test func aFolderThatOthersCanEnterIsRefused() async throws {
        let cluster = try make()
        try FileManager.default.createDirectory(atPath: cluster.path, withIntermediateDirectories: true)
        chmod(cluster.path, 0o755)
        defer { try? FileManager.default.removeItem(atPath: cluster.path) }
        let error = await #expect(throws: PostgreSQLError.self) { _ = try await cluster.acquire() }
        #expect(error?.code == "folder-not-private")
    }

    @Test func aPlaceThatCanNotBeMadeIsSaid() async throws {
        let scratch = try ScratchFolder()
        try "file".write(toFile: scratch.file("file"), atomically: true, encoding: .utf8)
        let cluster = try EmbeddedCluster(path: scratch.file("file/below/it"))
        let error = await #expect(throws: PostgreSQLError.self) { _ = try await cluster.acquire() }
        #expect(error?.location.contains(scratch.path) == true)
    }

    @Test func theStandardPlaceFollowsTheUser() throws {
        let scratch = try ScratchFolder()
        let standard = try ClusterFolder.standard(environment: ["XDG_STATE_HOME": scratch.path, "HOME": "/nowhere"])
        #expect(standard.path == scratch.path + "/snappy-flow/postgresql")
        chmod(scratch.path, 0o700)
        let closed = try ClusterFolder.standard(environment: ["XDG_STATE_HOME": scratch.path, "HOME": "/nowhere"])
        #expect(closed.path == (geteuid() == 0 ? "/var/lib/snappy-flow/postgresql" : scratch.path + "/snappy-flow/postgresql"))
    }
}
