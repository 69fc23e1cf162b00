import FlowModel
import Foundation
import OwnFolders
import Rigs
import Testing

@testable import PostgreSQL

/// The server's user is not trusted: whoever has taken over the server, or another one of the same user, plants what he likes in the folders that
/// are his. Where tests run as an ordinary user there is nobody to protect from.
@Suite(.enabled(if: geteuid() == 0)) struct HostileServerUserTests {
    /// A file that only root can read, and what it looks like when nobody has touched it.
    private struct Secret {
        let folder: ScratchFolder
        let path: String
        private let status: stat

        init() throws {
            folder = try ScratchFolder("secret")
            path = folder.file("secret")
            try "root's own\n".write(toFile: path, atomically: true, encoding: .utf8)
            chmod(path, 0o600)
            status = Self.status(path)
        }

        private static func status(_ path: String) -> stat {
            var status = stat()
            lstat(path, &status)
            return status
        }

        var isUntouched: Bool {
            let now = Self.status(path)
            return now.st_uid == 0 && now.st_mode == status.st_mode && now.st_ino == status.st_ino
                && (try? String(contentsOfFile: path, encoding: .utf8)) == "root's own\n"
        }
    }

    /// A cluster that was made, and is down.
    private func stopped() async throws -> EmbeddedCluster {
        let cluster = try EmbeddedCluster.ofTest(isDisposable: false)
        _ = try await cluster.acquire()
        _ = try await cluster.down(force: true)
        return cluster
    }

    private func owner(_ path: String) -> uid_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_uid : nil
    }

    @Test func linksInTheDataAreNotFollowed() async throws {
        let secret = try Secret()
        let cluster = try await stopped()
        let names = ["postgresql.conf", "snappy-flow.conf", "pg_hba.conf", "pg_ident.conf", "postgresql.auto.conf"]
        try await cluster.asServer(
            "cd '\(cluster.folder.data)'; for name in \(names.joined(separator: " ")); do ln -sf '\(secret.path)' $name; done")
        try await cluster.asServer(
            "cd '\(cluster.folder.logs)'; rm -f *; ln -s '\(secret.path)' server.log; ln -s '\(secret.path)' server.log.1")
        let error = await #expect(throws: PostgreSQLError.self) { _ = try await cluster.up() }
        #expect(error?.found.contains("root's own") == false, "\(error.map { "\($0)" } ?? "")")
        #expect(secret.isUntouched)
        let seen = try await cluster.asServer("grep -rls \"root's own\" '\(cluster.folder.data)' '\(cluster.folder.logs)' || true")
        #expect(seen == "")
        await cluster.discard()
    }

    /// What is locked, marked and set can't be planted at all.
    @Test func nothingOfOursCanBeExchanged() async throws {
        let cluster = try await stopped()
        for place in [cluster.path, cluster.folder.control, cluster.folder.settings] {
            #expect(owner(place) == 0)
            await #expect(throws: (any Error).self, "\(place)") { try await cluster.asServer("touch '\(place)/planted'") }
            await #expect(throws: (any Error).self, "\(place)") { try await cluster.asServer("mv '\(place)' '\(place).moved'") }
        }
        await #expect(throws: (any Error).self) { try await cluster.asServer("mv '\(cluster.folder.data)' '\(cluster.path)/other'") }
        await #expect(throws: (any Error).self) { try await cluster.asServer("exec 9<'\(cluster.folder.usersLock)'") }
        await cluster.discard()
    }

    /// The kernel would hold whoever opened a pipe for reading.
    @Test func pipesHoldNobodyUp() async throws {
        let cluster = try await stopped()
        try await cluster.asServer("cd '\(cluster.folder.data)'; rm -f postmaster.pid; mkfifo postmaster.pid")
        #expect(try cluster.status().processID == nil)
        try await cluster.asServer("cd '\(cluster.folder.data)'; rm -f PG_VERSION; mkfifo PG_VERSION")
        #expect(cluster.folder.major == nil)
        await cluster.discard()
    }

    @Test func aForeignProcessIsNeitherTakenForTheServerNorEnded() async throws {
        let cluster = try await stopped()
        // Root's, and at home in the data folder: an operator who looks around.
        let other = Process()
        other.executableURL = URL(fileURLWithPath: "/bin/sleep")
        other.arguments = ["60"]
        other.standardOutput = FileHandle.nullDevice
        other.standardError = FileHandle.nullDevice
        other.currentDirectoryURL = URL(fileURLWithPath: cluster.folder.data)
        try other.run()
        defer { other.terminate() }
        try await cluster.asServer("echo \(other.processIdentifier) >'\(cluster.folder.data)/postmaster.pid'")
        #expect(try cluster.status().processID == nil)
        #expect(try await cluster.down(force: true) == false)
        // It is no hindrance either.
        let lease = try await cluster.acquire()
        #expect(try await Connection.connect(lease.settings).query("SELECT 1 AS one").first?.get("one") == 1)
        #expect(other.isRunning)
        withExtendedLifetime(lease) {}
        await cluster.discard()
    }

    @Test func aPlantedClusterIsNotMadeNew() async throws {
        let secret = try Secret()
        let cluster = try await stopped()
        // As a former version left it, and as its user arranged it: the folder is his, `data` a link.
        let user = try #require(cluster.folder.user)
        chown(cluster.path, user.userID, user.groupID)
        try await cluster.asServer("cd '\(cluster.path)'; chmod 700 .; mv data elsewhere; ln -s '\(secret.folder.path)' data")
        await #expect(throws: PostgreSQLError.self) { _ = try await cluster.acquire() }
        #expect(owner(cluster.path) == 0, "taken back all the same")
        #expect(secret.isUntouched && owner(secret.folder.path) == 0)
        await cluster.discard()
    }

    /// Every name that is ours, planted in a folder of a former version.
    @Test(arguments: ["control", "settings", "log", "run", "data", "control.lock", "users.lock", "keep", "down", "server.log"])
    func aPlantedNameIsRefusedOrReplaced(name: String) async throws {
        let secret = try Secret()
        let cluster = try EmbeddedCluster.ofTest(isDisposable: false)
        try await cluster.asServer("mkdir -m 700 '\(cluster.path)'; ln -s '\(secret.path)' '\(cluster.path)/\(name)'")
        do throws(PostgreSQLError) { try cluster.folder.create() } catch { #expect(error.location.hasSuffix(name), "\(error)") }
        #expect(secret.isUntouched)
        await cluster.discard()
    }

    @Test func aFolderThatHoldsSomethingOfRootsIsNotGivenAway() async throws {
        let cluster = try EmbeddedCluster.ofTest(isDisposable: false)
        try await cluster.asServer("mkdir -m 777 '\(cluster.path)'")
        let planted = cluster.path + "/run"
        try FileManager.default.createDirectory(atPath: planted, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try "x".write(toFile: planted + "/file", atomically: true, encoding: .utf8)
        chmod(cluster.path, 0o700)
        #expect(throws: PostgreSQLError.self) { try cluster.folder.create() }
        #expect(owner(planted) == 0)
        await cluster.discard()
    }
}
