public import Basics
public import NIOSSL
import Synchronization

/// The server's certificate and key, read again when they change: certificates are renewed while servers run.
public final class TLSIdentity: Sendable {
    private let certificate: String
    private let key: String
    private let state: Mutex<State>

    private struct State {
        var context: NIOSSLContext
        var stamps: [FileStamp]
    }

    /// Of two PEM files: a certificate chain, and its key. Blocks.
    public init(certificate: String, key: String) throws(Explanation) {
        self.certificate = certificate
        self.key = key
        let stamps = [FileStamp(certificate), FileStamp(key)]
        state = Mutex(State(context: try Self.context(certificate, key), stamps: stamps))
    }

    /// For a new connection.
    public func handler() -> NIOSSLServerHandler { NIOSSLServerHandler(context: state.withLock { $0.context }) }

    /// Looks at the files; true when connections get another certificate from now on. Files that can't be used change nothing but throw, once:
    /// of two that are replaced one after another, the second makes it right. Blocks.
    public func refresh() throws(Explanation) -> Bool {
        let stamps = [FileStamp(certificate), FileStamp(key)]
        let isNew = state.withLock { state in
            defer { state.stamps = stamps }
            return state.stamps != stamps
        }
        guard isNew else { return false }
        let context = try Self.context(certificate, key)
        state.withLock { $0.context = context }
        return true
    }

    /// Of TLS 1.2: keys that are agreed on for one connection, and ciphers that authenticate (RFC 9325, 4.2). Those of 1.3 all do.
    private static let ciphers: [NIOTLSCipher] = [
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]

    private static func context(_ certificate: String, _ key: String) throws(Explanation) -> NIOSSLContext {
        do {
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
            configuration.minimumTLSVersion = .tlsv12
            configuration.cipherSuiteValues = ciphers
            configuration.applicationProtocols = ["http/1.1"]
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw Explanation(
                .unreadable, expected: "a certificate chain and its key, in PEM", found: "\(error)", at: "\(certificate), \(key)",
                advice: "make both readable for the server's user, and check that they belong together")
        }
    }
}
