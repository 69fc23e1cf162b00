import FlowModel
import Basics
import Foundation
import PostgreSQL
import Rigs
import StepKit
import Testing

@testable import Steps

/// Servers that are reached over the network, with TLS.
@Suite struct TransportTests {
    /// A certificate for `localhost` that nobody vouches for but itself, and its key, which belongs to the server's user.
    private func makeCertificate(in folder: ScratchFolder) async throws {
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
        try await HostProgram.run([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder.file("key.pem"), "-out", folder.file("cert.pem"),
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        ])
        chmod(folder.file("key.pem"), 0o600)
        if let user = try ServerUser.current() { chown(folder.file("key.pem"), user.userID, user.groupID) }
    }

    /// As the engine would record it.
    private func failure(_ body: () async throws -> Void) async -> StepError? {
        do {
            try await body()
            return nil
        } catch {
            return StepError(wrapping: error, at: "test")
        }
    }

    @Test func theServersCertificateIsChecked() async throws {
        let folder = try ScratchFolder("certificate")
        try await makeCertificate(in: folder)
        let port = try FreePort.find()
        let server = try await PostgreSQLServerRig.start(
            configuration: [
                "listen_addresses = '127.0.0.1'", "port = \(port)", "ssl = on", "ssl_cert_file = '\(folder.file("cert.pem"))'",
                "ssl_key_file = '\(folder.file("key.pem"))'",
            ], access: ["hostssl all backup 127.0.0.1/32 scram-sha-256", "hostssl replication backup 127.0.0.1/32 scram-sha-256"])
        defer { server.stop() }
        try await HostProgram.run([
            "psql", "-qX", "-h", server.socketFolder, "-p", "\(port)", "-U", "postgres", "-d", "postgres", "-c",
            "CREATE ROLE backup LOGIN REPLICATION PASSWORD 'over the wire'", "-c", "GRANT pg_read_all_data TO backup",
        ])
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.write("pw", "over the wire")
        func copy(_ method: String, _ certificate: String?, mode: String? = "verify-full", host: String = "localhost") async throws {
            let name = "\(method)-\(mode ?? "none")-\(certificate.map { ($0 as NSString).lastPathComponent } ?? "none")"
            var settings: [String: JSONValue] = [
                "host": .string(host), "port": .int(Int64(port)), "user": "backup",
                "password": ["fromFile": .string(stage.folder.file("pw"))],
                "method": .string(method),
            ]
            settings["sslMode"] = mode.map { .string($0) }
            settings["sslRootCertificate"] = certificate.map { .string($0) }
            try stage.declare(system: name, "postgresql", settings)
            try await stage.run("copy", id: StepID("copy-\(name)"), .systems([name]), ["to": "vault"])
        }
        for method in ["base", "dump"] { try await copy(method, folder.file("cert.pem")) }
        #expect(try await stage.restic("vault").succeed("snapshots", "--json").contains("dump-verify-full"))
        // Vouched for by another, or not encrypted at all, the server is not spoken to.
        try await HostProgram.run([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder.file("other.key"), "-out",
            folder.file("other.pem"),
            "-days", "2", "-subj", "/CN=other",
        ])
        for method in ["base", "dump"] {
            let other = await failure { try await copy(method, folder.file("other.pem")) }
            #expect(
                other?.found.contains("certificate verify failed") == true && other?.retry == .permanent, "\(String(describing: other))")
            #expect(other?.advice.contains("sslRootCertificate") == true)
            let plain = await failure { try await copy(method, folder.file("cert.pem"), mode: "disable") }
            #expect(plain?.found.contains("no pg_hba.conf entry") == true && plain?.retry == .permanent, "\(String(describing: plain))")
            #expect(plain?.advice.contains("pg_hba.conf") == true)
            // A way to write 127.0.0.1 that is not taken for this machine: strict where nothing is said, and loud where less is.
            let silent = await failure { try await copy(method, nil, mode: nil, host: "127.1") }
            #expect(silent?.retry == .permanent && silent?.advice.contains("sslRootCertificate") == true, "\(String(describing: silent))")
            #expect(!stage.recorder.lines.contains { $0.contains("NOT VERIFIED") })
        }
        try await copy("base", nil, mode: "require", host: "127.1")
        #expect(stage.recorder.lines.contains { $0.contains("127.1 IS NOT VERIFIED") })
    }
}

/// A TCP port that was free a moment ago.
enum FreePort {
    static func find() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw StageError(text: "no socket") }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw StageError(text: "no port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
