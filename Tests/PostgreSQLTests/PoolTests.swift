import Basics
import PostgreSQL
import Rigs
import Testing

@Suite struct PoolTests {
    private func processID(_ connection: Connection) async throws -> Int {
        try #require(try await connection.query("SELECT pg_backend_pid() AS pid").first).get("pid")
    }

    @Test func noMoreThanItsSizeAtOnce() async throws {
        let rig = try await PostgreSQLRig.start()
        let pool = Pool(rig.settings, size: 3)
        let pids = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<30 { group.addTask { try await pool.withConnection { try await processID($0) } } }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(pids.count <= 3)
    }

    /// What its server process has learned is used again, in whatever order connections come back.
    @Test func theOldestIsLentFirst() async throws {
        let rig = try await PostgreSQLRig.start()
        let pool = Pool(rig.settings, size: 3)
        let first = try await pool.withConnection { try await processID($0) }
        try await pool.withConnection { oldest in
            #expect(try await processID(oldest) == first)
            try await pool.withConnection { second in
                let third = try await pool.withConnection { try await processID($0) }
                #expect(try await pool.withConnection { try await processID($0) } == third)
                #expect(Set([first, third, try await processID(second)]).count == 3)
            }
        }
        for _ in 0..<3 { #expect(try await pool.withConnection { try await processID($0) } == first) }
    }

    @Test func whatWasMadeElsewhereIsLent() async throws {
        let rig = try await PostgreSQLRig.start()
        let pool = Pool(rig.settings, size: 1)
        let made = try await Connection.connect(rig.settings)
        await pool.adopt(made)
        #expect(try await pool.withConnection { try await processID($0) } == processID(made))
    }

    @Test func aConnectionThatDiedIdleIsReplaced() async throws {
        let rig = try await PostgreSQLRig.start()
        let pool = Pool(rig.settings, size: 1)
        let killer = try await Connection.connect(rig.settings)
        for _ in 0..<5 {
            let pid = try await pool.withConnection { try await processID($0) }
            // Returns when the process is gone.
            let gone = try await killer.query("SELECT pg_terminate_backend($1::integer, 10000) AS gone", [.int(pid)])
            #expect(try gone.first?.get("gone") == true)
            #expect(try await pool.withConnection { try await processID($0) } != pid)
        }
    }

    @Test func aConnectionThatDiesAtWorkIsATransientErrorAndTheNextIsFresh() async throws {
        let rig = try await PostgreSQLRig.start()
        let pool = Pool(rig.settings, size: 1)
        let error = await #expect(throws: PostgreSQLError.self) { try await pool.query("SELECT pg_terminate_backend(pg_backend_pid())") }
        #expect(error?.isConnectionLost == true)
        #expect(error?.retry == .transient)
        #expect(try await pool.query("SELECT 1 AS one").first?.get("one") == 1)
    }

    @Test func aWaiterThatIsCancelledLeavesTheQueue() async throws {
        let rig = try await PostgreSQLRig.start()
        let pool = Pool(rig.settings, size: 1)
        try await pool.withConnection { _ in
            let waiter = Task { try await pool.query("SELECT 1") }
            waiter.cancel()
            await #expect(throws: CancellationError.self) { _ = try await waiter.value }
        }
        #expect(try await pool.query("SELECT 1 AS one").first?.get("one") == 1)
    }

    @Test func patienceEnds() async throws {
        let folder = try ScratchFolder()
        let settings = ConnectionSettings(socketFolder: folder.path, user: "me", database: "x")
        let pool = Pool(settings, size: 1, patience: RetryPolicy(attempts: 3, backoff: .milliseconds(1)))
        let error = await #expect(throws: PostgreSQLError.self) { try await pool.query("SELECT 1") }
        #expect(error?.retry == .transient)
    }

    @Test func theListenerHearsAndSaysWhenItWasDeaf() async throws {
        let rig = try await PostgreSQLRig.start()
        let listener = Listener(rig.settings, channels: [rig.schema])
        var events = listener.events.makeAsyncIterator()
        #expect(await events.next() == .resumed)
        let other = try await Connection.connect(rig.settings)
        try await other.query("SELECT pg_notify($1, 'hello')", [.text(rig.schema)])
        #expect(await events.next() == .notification(channel: rig.schema, payload: "hello"))
        try await other.query(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE query = $1", [.text("LISTEN \"\(rig.schema)\"")])
        guard case .interrupted = await events.next() else {
            Issue.record("expected to be told of the break")
            return
        }
        #expect(await events.next() == .resumed)
        try await other.query("SELECT pg_notify($1, 'again')", [.text(rig.schema)])
        #expect(await events.next() == .notification(channel: rig.schema, payload: "again"))
        listener.stop()
        #expect(await events.next() == nil)
    }
}
