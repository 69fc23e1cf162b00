import Subprocess
import SystemPackage

/// openssl's own HTTPS server on loopback, with a certificate for `localhost` that nobody vouches for.
public struct TLSRig: Sendable {
    public let url: String
    /// A PEM file.
    public let certificate: String

    /// The server listens while `body` runs.
    public static func with(_ body: @escaping @Sendable (TLSRig) async throws -> Void) async throws {
        let folder = try ScratchFolder("tls")
        let (key, certificate) = (folder.file("key.pem"), folder.file("cert.pem"))
        try await HostProgram.run([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj",
            "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost",
        ])
        _ = try await Subprocess.run(
            .name("openssl"), arguments: ["s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key, "-www"],
            input: .none, output: .sequence, error: .discarded
        ) { server in
            // It says `ACCEPT 127.0.0.1:PORT` when it listens.
            var text = ""
            var rig: TLSRig?
            for try await buffer in server.standardOutput where rig == nil {
                text += buffer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                let whole = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                guard let port = whole.first(where: { $0.hasPrefix("ACCEPT ") })?.split(separator: ":").last else { continue }
                rig = TLSRig(url: "https://localhost:\(port)/", certificate: certificate)
                break
            }
            guard let rig else { throw ResticRig.Failure(description: "openssl s_server did not start: \(text)") }
            let outcome: Swift.Result<Void, any Error>
            do { outcome = .success(try await body(rig)) } catch { outcome = .failure(error) }
            try server.send(signal: .kill)
            try outcome.get()
        }
        withExtendedLifetime(folder) {}
    }
}
