import Basics
import Foundation
import HostKit
import Rigs
import Testing

@testable import PostgreSQL

/// The server's user is not trusted: whoever has taken over the server, or another one of the same user, plants what he likes in the folders that
/// are his.
@Suite struct HostileServerUserTests {
    init() throws { try requireRoot("a server's user who is another than ours") }

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
    @Test(.timeLimit(.minutes(2)), arguments: ["data/postmaster.pid", "data/postgresql.conf", "log/server.log", "run/.s.PGSQL.5432.lock"])
    func pipesHoldNobodyUp(_ name: String) async throws {
        let cluster = try await stopped()
        try #require(cluster.folder.socketFolder == cluster.path + "/run")
        try await cluster.asServer("cd '\(cluster.path)'; rm -f \(name); mkfifo \(name)")
        let error = await #expect(throws: PostgreSQLError.self) { _ = try await cluster.acquire() }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains(name) && text.contains("pipe"), "\(text)")
        try await cluster.asServer("cd '\(cluster.path)'; rm \(name); : >\(name)")
        _ = try await cluster.acquire()
        await cluster.discard()
    }

    /// What is put there between our look and the program's is the program's to wait for, and it is ended.
    @Test(.timeLimit(.minutes(2))) func aProgramThatIsHeldUpIsEnded() async throws {
        let cluster = try await stopped()
        try await cluster.asServer("cd '\(cluster.folder.data)'; rm -f postmaster.pid; mkfifo postmaster.pid")
        let binaries = try await ServerBinaries.choose(for: cluster.folder.major, folder: cluster.path)
        let control = ServerControl(folder: cluster.folder, binaries: binaries, isDurable: false, patience: .milliseconds(500))
        let error = await #expect(throws: PostgreSQLError.self) { try await control.stop() }
        #expect(
            error?.code == "server-held-up" && error?.found.contains("data/postmaster.pid (a pipe)") == true, "\(String(describing: error))"
        )
        #expect(try programs(of: cluster).isEmpty)
        await cluster.discard()
    }

    /// Processes that have the cluster's folder in their words.
    private func programs(of cluster: EmbeddedCluster, _ file: String = "cmdline") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { pid_t($0) != nil && pid_t($0) != getpid() }.compactMap {
            pid in
            let words = { (file: String) in KernelFile.read("/proc/\(pid)/\(file)").map { String(decoding: $0, as: UTF8.self) } ?? "" }
            return words(file).contains(cluster.folder.data) ? words("cmdline") : nil
        }
    }

    /// The watcher stops the server when nobody uses it, whatever it met at its first try.
    @Test(.timeLimit(.minutes(2))) func theWatcherIsNotHeldUp() async throws {
        let cluster = try EmbeddedCluster.ofTest(isDisposable: false)
        var lease: EmbeddedCluster.Lease? = try await cluster.acquire()
        withExtendedLifetime(lease) {}
        try await cluster.asServer("cd '\(cluster.folder.data)'; mv postmaster.pid saved; mkfifo postmaster.pid")
        lease = nil
        // It has tried: it waits for the next look, or hangs in its program.
        try await eventually("the watcher's try") {
            try programs(of: cluster, "environ").contains { $0.hasPrefix("sleep\05\0") || $0.contains("pg_ctl\0stop") }
        }
        #expect(try FileLock.attempt(cluster.folder.controlLock, .exclusive) != nil, "the watcher waits and holds nothing")
        try await cluster.asServer("cd '\(cluster.folder.data)'; mv -T saved postmaster.pid")
        try await eventually("the server's end") { try cluster.status().processID == nil }
        await cluster.discard()
    }

    /// What is in our environment may be anybody's secret: the server's user reads what the server was started with.
    @Test func theServerIsToldNothingOfOurEnvironment() async throws {
        let ours = try #require(ProcessInfo.processInfo.environment["HOME"], "something of ours to be looked for")
        let cluster = try EmbeddedCluster.ofTest()
        let lease = try await cluster.acquire()
        defer { withExtendedLifetime(lease) {} }
        let server = try #require(try cluster.status().processID)
        let words = try #require(
            KernelFile.read("/proc/\(server)/environ").map { String(decoding: $0, as: UTF8.self).split(separator: "\0") })
        #expect(words.contains("LC_ALL=C.UTF-8"))
        #expect(!words.contains("HOME=\(ours)"))
    }

    /// Root has nothing to give to whoever sits where the server's socket belongs.
    @Test func onlyTheServersUserIsSpokenTo() async throws {
        let cluster = try await stopped()
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: (cluster.folder.socketFolder + "/.s.PGSQL.5432").utf8) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let bound = withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, size) } }
        #expect(bound == 0 && listen(listener, 8) == 0)
        var settings = cluster.settings
        settings.connectTimeout = .seconds(2)
        let asked = settings
        let error = await #expect(throws: PostgreSQLError.self) { _ = try await Connection.connect(asked) }
        #expect(error?.found.contains("requirepeer") == true && error?.retry == .permanent, "\(String(describing: error))")
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
