import Basics
import Foundation
import Rigs
import Testing

@testable import PostgreSQL

/// A cluster that is there is never taken for one that is not: whoever did would make a new one in its place.
@Suite struct MisreadClusterTests {
    /// A cluster that holds something, and is down.
    private func filled() async throws -> EmbeddedCluster {
        let cluster = try EmbeddedCluster.ofTest(isDisposable: false)
        let lease = try await cluster.acquire()
        try await Connection.connect(lease.settings).execute(script: "CREATE TABLE kept (one int); INSERT INTO kept VALUES (1)")
        withExtendedLifetime(lease) {}
        _ = try await cluster.down(force: true)
        return cluster
    }

    private func isKept(_ cluster: EmbeddedCluster) async throws -> Bool {
        let lease = try await cluster.acquire()
        defer { withExtendedLifetime(lease) {} }
        return try await Connection.connect(lease.settings).query("SELECT one FROM kept").first?.get("one") == 1
    }

    /// As whoever copies folders by hard links leaves it (`cp -l`, rsnapshot), whether the server runs or not.
    @Test func filesMayHaveOtherNames() async throws {
        let cluster = try await filled()
        try await cluster.asServer("cd '\(cluster.folder.data)'; ln PG_VERSION version.too")
        #expect(try await isKept(cluster))
        _ = try await cluster.up()
        try await cluster.asServer("cd '\(cluster.folder.data)'; ln postmaster.pid pid.too")
        #expect(try cluster.status().processID != nil)
        #expect(try await isKept(cluster))
        #expect(try await cluster.down(force: true))
        #expect(try await isKept(cluster))
        await cluster.discard()
    }

    /// Whatever stands there: the data stay, the error says what it is, and a repair brings all back.
    @Test(arguments: [
        ("emptied", ": >PG_VERSION"), ("gone", "rm -f PG_VERSION"), ("odd", "echo what >PG_VERSION"),
        ("zeros", "printf '\\0\\0\\0' >PG_VERSION"),
        ("a folder", "rm -f PG_VERSION; mkdir PG_VERSION"), ("a link", "rm -f PG_VERSION; ln -s saved PG_VERSION"),
        ("a pipe", "rm -f PG_VERSION; mkfifo PG_VERSION"),
    ]) func whatIsNotUnderstoodIsNotThrownAway(_ name: String, _ line: String) async throws {
        let cluster = try await filled()
        let place = cluster.folder.data
        try await cluster.asServer("cd '\(place)'; cp PG_VERSION saved; \(line)")
        func refused(_ what: String, _ body: () async throws -> Void) async {
            let error = await #expect(throws: PostgreSQLError.self, "\(what)") { try await body() }
            #expect(error?.code == "cluster-not-understood" && error?.location == place + "/PG_VERSION" && error?.retry == .permanent)
            #expect(error?.advice.contains("nothing was changed") == true)
        }
        await refused("status") { _ = try cluster.status() }
        await refused("down") { _ = try await cluster.down(force: true) }
        await refused("a command") { _ = try await cluster.acquire() }
        await refused("up") { _ = try await cluster.up() }
        try await cluster.asServer("cd '\(place)'; rm -rf PG_VERSION; cp saved PG_VERSION")
        #expect(try await isKept(cluster))
        await cluster.discard()
    }

    /// A disk that is not mounted.
    @Test func anEmptyFolderIsNoNewCluster() async throws {
        let cluster = try await filled()
        let aside = cluster.folder.path + "/aside"
        #expect(rename(cluster.folder.data, aside) == 0)
        #expect(mkdir(cluster.folder.data, 0o700) == 0)
        if let user = cluster.folder.user { chown(cluster.folder.data, user.userID, user.groupID) }
        let error = await #expect(throws: PostgreSQLError.self) { _ = try await cluster.acquire() }
        #expect(error?.code == "cluster-not-understood")
        #expect(try FileManager.default.contentsOfDirectory(atPath: cluster.folder.data).isEmpty)
        #expect(rmdir(cluster.folder.data) == 0 && rename(aside, cluster.folder.data) == 0)
        #expect(try await isKept(cluster))
        await cluster.discard()
    }

    /// While it runs it is neither said to be down nor not to be there.
    @Test func whileItRuns() async throws {
        let cluster = try await filled()
        _ = try await cluster.up()
        let place = cluster.folder.data
        for name in ["PG_VERSION", "postmaster.pid"] {
            try await cluster.asServer("cd '\(place)'; mv \(name) saved; mkdir \(name)")
            let status = #expect(throws: PostgreSQLError.self, "\(name)") { _ = try cluster.status() }
            #expect(status?.location == "\(place)/\(name)")
            let down = await #expect(throws: PostgreSQLError.self, "\(name)") { _ = try await cluster.down(force: true) }
            #expect(down?.location == "\(place)/\(name)")
            try await cluster.asServer("cd '\(place)'; rmdir \(name); mv saved \(name)")
        }
        #expect(try await cluster.down(force: true))
        await cluster.discard()
    }

    /// As a file system that recovers from a crash may leave them: PostgreSQL takes none for its own.
    @Test func emptiedLockFilesHinderNoStart() async throws {
        let cluster = try await filled()
        try await cluster.asServer(": >'\(cluster.folder.data)/postmaster.pid'; : >'\(cluster.folder.socketFolder)/.s.PGSQL.5432.lock'")
        #expect(try await isKept(cluster))
        await cluster.discard()
    }
}
