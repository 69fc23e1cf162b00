import Foundation

/// openssl's own HTTPS server on loopback, with a certificate for `localhost` that nobody vouches for.
public final class TLSRig: Sendable {
    public let url: String
    /// A PEM file.
    public let certificate: String
    private let folder: ScratchFolder
    private let server: Process

    /// Returns when the server listens.
    public static func start() async throws -> TLSRig {
        let folder = try ScratchFolder()
        let (key, certificate) = (folder.path + "/key.pem", folder.path + "/cert.pem")
        let request = openssl([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost",
        ])
        request.standardError = FileHandle.nullDevice
        try request.run()
        request.waitUntilExit()
        let server = openssl(["s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key, "-www"])
        let output = Pipe()
        server.standardOutput = output
        server.standardError = FileHandle.nullDevice
        server.standardInput = FileHandle.nullDevice
        try server.run()
        // It says `ACCEPT 127.0.0.1:PORT` when it listens.
        var text = ""
        while true {
            let bytes = output.fileHandleForReading.availableData
            guard !bytes.isEmpty else { break }
            text += String(decoding: bytes, as: UTF8.self)
            let whole = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            if let port = whole.first(where: { $0.hasPrefix("ACCEPT ") })?.split(separator: ":").last {
                return TLSRig(url: "https://localhost:\(port)/", certificate: certificate, folder: folder, server: server)
            }
        }
        throw ResticRig.Failure(description: "openssl s_server did not start: \(text)")
    }

    private init(url: String, certificate: String, folder: ScratchFolder, server: Process) {
        self.url = url
        self.certificate = certificate
        self.folder = folder
        self.server = server
    }

    public func stop() {
        server.terminate()
        server.waitUntilExit()
    }

    deinit { if server.isRunning { server.terminate() } }

    private static func openssl(_ arguments: [String]) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        return process
    }
}
