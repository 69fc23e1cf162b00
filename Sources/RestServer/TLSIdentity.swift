import NIOSSL

/// The server's certificate and key.
struct TLSIdentity: Sendable {
    private let context: NIOSSLContext

    /// Nil without TLS.
    init?(_ settings: RestServerSettings) throws(RestServerError) {
        guard let certificate = settings.certificateFile, let key = settings.keyFile else { return nil }
        do {
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["http/1.1"]
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw RestServerError(
                .unreadable, expected: "a certificate chain and its key, in PEM", found: "\(error)", at: "\(certificate), \(key)",
                advice: "make both readable for the server's user, and check that they belong together")
        }
    }

    func handler() -> NIOSSLServerHandler { NIOSSLServerHandler(context: context) }
}
