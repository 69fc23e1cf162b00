import Basics
import Foundation
import Glibc
import Rigs
import Testing

@testable import PostgreSQL

/// A server of another machine proves who it is, unless somebody says otherwise, and then it is told.
@Suite struct ServerIdentityTests {
    @Test(arguments: [
        ("/var/run/postgresql", true), ("@abstract", true), ("localhost", true), ("LocalHost", true), ("127.0.0.1", true),
        ("127.9.8.7", true),
        ("::1", true), ("0:0:0:0:0:0:0:1", true), ("127.0.0.1,/run", true), ("db1", false), ("localhost.evil.example", false),
        ("127.evil.example", false), ("127.1", false), ("128.0.0.1", false), ("::2", false), ("::ffff:127.0.0.1", false),
        ("127.0.0.1,db1", false),
        ("0.0.0.0", false),
    ]) func aHostIsTakenAsItIsWritten(_ host: String, _ isHere: Bool) {
        #expect(ServerIdentity.isThisMachine(host) == isHere)
        #expect(ServerIdentity.defaultMode(host: host) == (isHere ? "prefer" : "verify-full"))
        for mode in ["disable", "allow", "prefer", "require", "verify-ca"] {
            #expect((ServerIdentity.warning(host: host, mode: mode)?.contains("NOT VERIFIED") == true) != isHere, "\(mode)")
        }
        #expect(ServerIdentity.warning(host: host, mode: "verify-full") == nil)
    }

    @Test func settingsOfAnotherMachineAreStrict() throws {
        #expect(try ConnectionSettings(parsing: "postgresql://me@db1/orders").parameters["sslmode"] == "verify-full")
        #expect(try ConnectionSettings(parsing: "hostaddr=192.0.2.1 dbname=x").parameters["sslmode"] == "verify-full")
        // libpq goes where `hostaddr` leads, whatever `host` says, which it compares with the certificate (PostgreSQL manual 34.1.2).
        for away in [
            "host=localhost hostaddr=192.0.2.1", "host=/tmp hostaddr=192.0.2.1", "host=127.0.0.1 hostaddr=::2",
            "host=@x hostaddr=192.0.2.1",
            "host=localhost,localhost hostaddr=127.0.0.1,192.0.2.1", "host=localhost,localhost hostaddr=,192.0.2.1",
            "host=db1 hostaddr=127.0.0.1", "host=,db1 hostaddr=127.0.0.1,127.0.0.1", "hostaddr=127.0.0.1,192.0.2.1",
        ] {
            #expect(try ConnectionSettings(parsing: away + " dbname=x").parameters["sslmode"] == "verify-full", "\(away)")
            #expect(try ConnectionSettings(parsing: away + " sslmode=require").identityWarning?.contains("NOT VERIFIED") == true, "\(away)")
        }
        for here in [
            "host=localhost hostaddr=127.0.0.1", "hostaddr=::1", "host=/tmp", "host=localhost hostaddr=''", "host='' hostaddr=127.0.0.1",
        ] {
            #expect(try ConnectionSettings(parsing: here + " dbname=x").parameters["sslmode"] == "prefer", "\(here)")
            #expect(try ConnectionSettings(parsing: here + " sslmode=disable").identityWarning == nil, "\(here)")
        }
        #expect(try ConnectionSettings(parsing: "postgresql://me@db1/orders").forReplication().parameters["sslmode"] == "verify-full")
        #expect(try ConnectionSettings(parsing: "postgresql://me@db1/orders?sslmode=require").parameters["sslmode"] == "require")
        #expect(ConnectionSettings(socketFolder: "/run", user: "me", database: "x").parameters["sslmode"] == "prefer")
        #expect(try ConnectionSettings(parsing: "postgresql://me@db1/orders").identityWarning == nil)
        #expect(try ConnectionSettings(parsing: "postgresql://me@db1/orders?sslmode=require").identityWarning?.contains("db1") == true)
        #expect(try ConnectionSettings(parsing: "postgresql://me@127.0.0.1/orders?sslmode=disable").identityWarning == nil)
    }

    @Test func whoCannotProveItIsNotSpokenTo() async throws {
        let folder = try ScratchFolder("identity")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
        let (key, certificate) = (folder.file("key.pem"), folder.file("cert.pem"))
        try await HostProgram.run([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj",
            "/CN=db.example", "-addext", "subjectAltName=DNS:db.example",
        ])
        chmod(key, 0o600)
        if let user = try ServerUser.current() { chown(key, user.userID, user.groupID) }
        let port = Int(try KeptProgram.freePort())
        let server = try await PostgreSQLServerRig.start(
            configuration: [
                "listen_addresses = '127.0.0.1'", "port = \(port)", "ssl = on", "ssl_cert_file = '\(certificate)'",
                "ssl_key_file = '\(key)'",
            ], access: ["host all postgres 127.0.0.1/32 trust"])
        defer { server.stop() }
        // Another machine by its name, whatever its address: nothing needs to resolve it.
        func connect(_ host: String, _ more: String = "") async throws {
            let settings = try ConnectionSettings(
                parsing: "host=\(host) hostaddr=127.0.0.1 port=\(port) user=postgres dbname=postgres \(more)")
            _ = try await Connection.connect(settings).query("SELECT 1")
        }
        let unknown = await #expect(throws: PostgreSQLError.self) { try await connect("db.example") }
        #expect(unknown?.retry == .permanent && unknown?.found.contains("certificate") == true, "\(String(describing: unknown))")
        for word in ["sslrootcert=FILE", "sslRootCertificate", "sslmode=require"] {
            #expect(unknown?.advice.contains(word) == true, "\(word)")
        }
        let other = await #expect(throws: PostgreSQLError.self) { try await connect("other.example", "sslrootcert=\(certificate)") }
        #expect(other?.found.contains("does not match host name") == true && other?.retry == .permanent, "\(String(describing: other))")
        try await connect("db.example", "sslrootcert=\(certificate)")
        try await connect("db.example", "sslmode=require")
        try await connect("127.0.0.1")

        // A service file leads elsewhere without a word in the address; the environment may choose less.
        let services = folder.file("services")
        try "[remote]\nhost=db.example\nhostaddr=127.0.0.1\nport=\(port)\nuser=postgres\ndbname=postgres\n"
            .write(toFile: services, atomically: true, encoding: .utf8)
        let rig = try FlowRig("identity")
        defer { rig.close() }
        func status(_ address: String, _ environment: [String: String]) throws -> FlowOutcome {
            try rig.run(["db", "status", "--database", address], environment: ["PGSERVICEFILE": services].merging(environment) { $1 })
        }
        let led = try status("service=remote", [:])
        #expect(led.status != 0 && led.errors.contains("sslrootcert=FILE"), "\(led.errors)\(led.output)")
        #expect(try status("service=remote", ["PGSSLROOTCERT": certificate]).status == 0)
        let chosen = try status(
            "host=db.example port=\(port) user=postgres dbname=postgres", ["PGSSLMODE": "require", "PGHOSTADDR": "127.0.0.1"])
        #expect(chosen.status == 0 && chosen.errors.contains("NOT VERIFIED"), "\(chosen.errors)")
    }
}
