import Basics
import Foundation
import PostgreSQL
import Rigs
import Testing
import Threads

/// A peer that takes everything and answers nothing: no wait for it is without end.
@Suite struct SilentServerTests {
    private func way(to rig: PostgreSQLRig) throws -> (SilentWay, ConnectionSettings) {
        let way = try SilentWay(to: "\(rig.settings.host ?? "")/.s.PGSQL.5432")
        var settings = ConnectionSettings(keywords: [
            "host": "127.0.0.1", "port": String(way.port), "user": rig.settings.user ?? "", "dbname": rig.settings.database ?? "",
            "sslmode": "disable", "gssencmode": "disable",
        ])
        settings.searchPath = rig.schema
        settings.connectTimeout = .milliseconds(500)
        return (way, settings)
    }

    @Test(.timeLimit(.minutes(1))) func newsComeAgainWhenTheNetworkHeals() async throws {
        let rig = try await PostgreSQLRig.start()
        var (way, settings) = try way(to: rig)
        settings.answerTimeout = .milliseconds(300)
        let listener = Listener(settings, channels: [rig.schema], probeInterval: .milliseconds(100))
        var events = listener.events.makeAsyncIterator()
        #expect(await events.next() == .resumed)
        way.fallSilent()
        guard case .interrupted(let error) = await events.next() else {
            Issue.record("expected to be told of the silence")
            return
        }
        #expect(error.isConnectionLost && error.found.contains("no answer within"))
        way.heal()
        #expect(await events.next() == .resumed)
        let other = try await Connection.connect(rig.settings)
        try await other.query("SELECT pg_notify($1, 'hello')", [.text(rig.schema)])
        #expect(await events.next() == .notification(channel: rig.schema, payload: "hello"))
        listener.stop()
    }

    /// Whoever gives no limit gets one.
    @Test func aListenerHasALimitOfItsOwn() {
        #expect(Listener.answerTimeout <= .seconds(10) && Listener.probeInterval <= .seconds(5))
    }

    @Test(.timeLimit(.minutes(1))) func connectingToASilentPeerEnds() async throws {
        let (way, settings) = try way(to: try await PostgreSQLRig.start())
        way.fallSilent()
        let error = await #expect(throws: PostgreSQLError.self) { try await Connection.connect(settings) }
        #expect(error?.retry == .transient && error?.found.contains("no answer within 500ms") == true)
    }

    /// libpq sets the request itself no limit: it waits for the server to end the connection.
    @Test(.timeLimit(.minutes(1))) func aCancelThatIsNotAnsweredHoldsUpNothing() async throws {
        let rig = try await PostgreSQLRig.start()
        let (way, settings) = try way(to: rig)
        let connection = try await Connection.connect(settings)
        let marker = "/* \(rig.schema) */ SELECT pg_sleep(1)"
        let watcher = try await Connection.connect(rig.settings)
        let task = Task { try await connection.query(marker) }
        while try await watcher.query("SELECT 1 FROM pg_stat_activity WHERE query = $1 AND state = 'active'", [.text(marker)]).isEmpty {
            await Task.yield()
        }
        way.fallSilent(sparingOld: true)
        task.cancel()
        _ = await task.result
        // The request is on its way still, and would hit what comes next.
        #expect(await !connection.isUsable)
        await #expect(throws: (any Error).self) { try await connection.query("SELECT 1") }
    }

    /// It is stopped: what is sent to it fills the socket and goes nowhere.
    @Test(.timeLimit(.minutes(1))) func aServerThatTakesNothingIsLeftBehind() async throws {
        let rig = try await PostgreSQLRig.start()
        var settings = rig.settings
        settings.answerTimeout = .milliseconds(300)
        let connection = try await Connection.connect(settings)
        let pid: Int = try #require(try await connection.query("SELECT pg_backend_pid() AS pid, length($1) AS n", ["x"]).first).get("pid")
        kill(pid_t(pid), SIGSTOP)
        defer { kill(pid_t(pid), SIGCONT) }
        let error = await #expect(throws: PostgreSQLError.self) {
            try await connection.query("SELECT pg_backend_pid() AS pid, length($1) AS n", [.text(String(repeating: "x", count: 8 << 20))])
        }
        #expect(error?.isConnectionLost == true)
        #expect(await !connection.isUsable)
    }

    @Test(.timeLimit(.minutes(1))) func aLimitCanBeAnotherForWhatTakesLong() async throws {
        let rig = try await PostgreSQLRig.start()
        var settings = rig.settings
        settings.answerTimeout = .milliseconds(200)
        let connection = try await Connection.connect(settings)
        try await connection.withAnswers(within: .minutes(1)) { _ = try await $0.query("SELECT pg_sleep(0.5)") }
        await #expect(throws: PostgreSQLError.self) { try await connection.query("SELECT pg_sleep(30)") }
    }

    /// A stream may be silent for hours while its server lives; it is lost when nobody answers there any more.
    @Test(.timeLimit(.minutes(1))) func aReplicationSessionAsksWhetherItsServerLives() async throws {
        let server = try await PostgreSQLServerRig.start(configuration: ["wal_sender_timeout = 0"])
        defer { server.stop() }
        let way = try SilentWay(to: "\(server.socketFolder)/.s.PGSQL.\(server.port)")
        var settings = ConnectionSettings(keywords: [
            "host": "127.0.0.1", "port": String(way.port), "user": server.superuser, "sslmode": "disable", "gssencmode": "disable",
        ])
        settings.connectTimeout = .seconds(2)
        let connection = settings
        let pool = BlockingPool(label: "replication", width: 1)
        let (session, position) = try await pool.run {
            let session = try ReplicationSession(connection, silence: .milliseconds(200))
            let row = try session.run("IDENTIFY_SYSTEM")?.first
            return (session, try row?.get("xlogpos", as: String.self) ?? "")
        }
        let mark = ReplicationSession.StopMark()
        let watched = try await pool.run {
            let watched = try ReplicationSession(connection, silence: .milliseconds(200), isStopped: mark)
            try watched.send("START_REPLICATION PHYSICAL \(position)")
            guard case .copyBoth? = try watched.next() else { throw POSIXError(.EPROTO) }
            return watched
        }
        // Nothing comes, for nothing is written, and it goes on until it is told to stop.
        Task {
            try? await Task.sleep(for: .seconds(1))
            mark.raise()
        }
        await #expect(throws: CancellationError.self) {
            try await pool.run { while try watched.message({ _ in }) != nil {} }
        }
        way.fallSilent()
        let error = await #expect(throws: PostgreSQLError.self) { try await pool.run { _ = try session.run("IDENTIFY_SYSTEM") } }
        #expect(error?.isConnectionLost == true)
    }
}
