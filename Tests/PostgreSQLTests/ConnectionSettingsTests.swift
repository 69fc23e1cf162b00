import Basics
import Foundation
import PostgreSQL
import Rigs
import Testing

@Suite struct ConnectionSettingsTests {
    @Test(arguments: [
        "postgresql://me:s3cr%65t@db1:5433/orders?sslmode=require", "host=db1 port=5433 dbname=orders user=me password='s3cret'",
    ])
    func bothFormsAreReadAndNoPasswordIsShown(text: String) throws {
        let settings = try ConnectionSettings(parsing: text)
        #expect(settings.host == "db1")
        #expect(settings.port == "5433")
        #expect(settings.database == "orders")
        #expect(settings.user == "me")
        #expect(settings.description == "database orders at db1:5433")
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!"\(settings) \(String(reflecting: settings)) \(dumped)".contains("s3cret"))
    }

    @Test(arguments: ["postgresql://me:s3cret@db1:port/x?nonsense=s3cret", "host=db1 s3cret", "=", "password='s3cret"])
    func whatIsNoAddressIsRefusedWithoutRepeatingIt(text: String) {
        let error = #expect(throws: PostgreSQLError.self) { try ConnectionSettings(parsing: text) }
        #expect(error.map { !"\($0)".contains("s3cret") } == true)
        #expect(error?.code == "bad-database-address")
    }

    @Test func aServerThatIsNotThereIsTransient() async throws {
        let folder = try ScratchFolder()
        let settings = try ConnectionSettings(parsing: "host=\(folder.path) dbname=x user=me password=s3cret")
        let error = await #expect(throws: PostgreSQLError.self) { _ = try await Connection.connect(settings) }
        #expect(error?.retry == .transient)
        #expect(error.map { !"\($0)".contains("s3cret") && !$0.advice.isEmpty } == true)
    }

    @Test func aDatabaseThatIsNotThereIsPermanent() async throws {
        var settings = try await PostgreSQLRig.start().settings
        settings.database = "no_such_database"
        let error = await #expect(throws: PostgreSQLError.self) { _ = try await Connection.connect(settings) }
        #expect(error?.retry == .permanent)
        #expect(error?.sqlState == .undefinedDatabase)
    }

    /// Who answers on a private socket is asked for nothing, and gets nothing: the password file of who asks is for servers that he has named.
    @Test func aPrivateSocketGetsNoPassword() async throws {
        let server = try await PostgreSQLServerRig.start()
        defer { server.stop() }
        try await server.execute("SET password_encryption = 'scram-sha-256'; CREATE ROLE asked LOGIN PASSWORD 's3cret'")
        let folder = try ScratchFolder("passfile")
        let file = folder.file("pgpass")
        try "\(server.socketFolder):*:*:*:s3cret\n".write(toFile: file, atomically: true, encoding: .utf8)
        chmod(file, 0o600)
        // For this server alone: no other test is led astray.
        setenv("PGPASSFILE", file, 1)
        defer { unsetenv("PGPASSFILE") }
        let named = try ConnectionSettings(parsing: "host=\(server.socketFolder) user=asked dbname=postgres passfile=\(file)")
        _ = try await Connection.connect(named).query("SELECT 1")
        let error = await #expect(throws: PostgreSQLError.self) { _ = try await Connection.connect(server.settings(user: "asked")) }
        #expect(error?.retry == .permanent && error?.found.contains("no password supplied") == true, "\(String(describing: error))")
    }

    /// A server that accepts and says nothing.
    @Test func connectingHasALimit() async throws {
        let folder = try ScratchFolder()
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = folder.file(".s.PGSQL.5432")
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let bound = withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, size) } }
        #expect(bound == 0 && listen(listener, 1) == 0)
        var settings = ConnectionSettings(socketFolder: folder.path, user: "me", database: "x")
        settings.connectTimeout = .milliseconds(300)
        let limited = settings
        let error = await #expect(throws: PostgreSQLError.self) { _ = try await Connection.connect(limited) }
        #expect(error?.found.contains("300ms") == true)
        var patient = settings
        patient.connectTimeout = .hours(1)
        let task = Task { [patient] in _ = try await Connection.connect(patient) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
