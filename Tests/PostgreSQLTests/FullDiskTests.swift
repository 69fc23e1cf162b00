import Basics
import Foundation
import Rigs
import Testing

@testable import PostgreSQL

/// The disk of a private cluster fills while it is used, and while it is not.
@Suite struct FullDiskTests {
    private func make(_ mount: LoopMount) throws -> EmbeddedCluster {
        // Its user passes.
        chmod(mount.path, 0o755)
        return try EmbeddedCluster(path: mount.path + "/cluster", grace: .seconds(1))
    }

    private func write(_ cluster: EmbeddedCluster, rows: Int = 100) async -> Bool {
        guard let connection = try? await Connection.connect(cluster.settings) else { return false }
        return
            (try? await connection.execute(
                script: "CREATE TABLE IF NOT EXISTS t (n text); INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, \(rows))"))
            != nil
    }

    @Test func aServerThatPanickedForRoomComesBackAndWrites() async throws {
        let mount = try await LoopMount("ext4", megabytes: 320)
        let cluster = try make(mount)
        let log = LogCapture()
        let lease = try await cluster.acquire(log: log.logger)
        #expect(try cluster.status().hasReserve)
        #expect(await write(cluster))
        let server = try #require(try cluster.status().processID)
        try await mount.fill()
        // Two new files of WAL: there is no room for them.
        for _ in 0..<2 {
            guard let administrator = try? await ClusterRoles(folder: cluster.folder).administration() else { break }
            guard (try? await administrator.query("SELECT pg_switch_wal()::text, txid_current()::text")) != nil else { break }
        }
        try await eventually("the reserve is given up") { try !cluster.status().hasReserve }
        try await eventually("it writes") { await write(cluster) }
        try await eventually("it is said") { log.lines.contains { $0.contains("reserve") && $0.contains("free at least") } }
        #expect(server > 0)
        let room = try #require(cluster.room)
        #expect(room.has < room.needs && !room.hasReserve)
        try mount.makeRoom()
        try await eventually("the reserve is made anew") { try cluster.status().hasReserve }
        try await eventually("it is said") { log.contains("made anew") }
        _ = try await cluster.down(force: true)
        withExtendedLifetime((lease, mount)) {}
    }

    @Test func aStoppedServerStartsOnAFullDisk() async throws {
        let mount = try await LoopMount("ext4", megabytes: 320)
        let cluster = try make(mount)
        _ = try await cluster.up()
        #expect(try cluster.status().hasReserve)
        #expect(await write(cluster))
        _ = try await cluster.down(force: true)
        try await mount.fill()
        let log = LogCapture()
        let lease = try await cluster.acquire(log: log.logger)
        #expect(await write(cluster))
        #expect(try !cluster.status().hasReserve)
        #expect(log.lines.count == 1)
        _ = try await cluster.down(force: true)
        withExtendedLifetime((lease, mount)) {}
    }

    @Test func whereThereIsNoRoomForAReserveThereIsNone() async throws {
        let mount = try await LoopMount("ext4", megabytes: 160)
        let cluster = try make(mount)
        let lease = try await cluster.acquire()
        #expect(try !cluster.status().hasReserve)
        #expect(await write(cluster))
        _ = try await cluster.down(force: true)
        withExtendedLifetime((lease, mount)) {}
    }
}
