import ArgumentParser
import Basics
import Foundation
import Logging
import ResticServer

struct RestServerCommand: AsyncParsableCommand, LoggingCommand {
    static let logLevel = Logger.Level.info

    static let configuration = CommandConfiguration(
        commandName: "rest-server", abstract: "Serves a folder of repositories over restic's REST protocol.",
        discussion: """
            Repositories lie in the folder as restic's `local` backend keeps them. Without users it serves loopback only, unless you \
            give --no-auth. After SIGTERM or Ctrl-C it takes no new requests, and those under way get the grace time to end; a second \
            signal ends them at once. An upload that was cut off leaves nothing behind.
            """)
    @Option(help: "The folder that holds the repositories.") var path: String
    @Option(help: "Where to listen, as HOST:PORT or [IPV6]:PORT; port 0 for any free one.") var listen = "127.0.0.1:8000"
    @Flag(help: "Let clients remove nothing but locks, and replace nothing.") var appendOnly = false
    @Flag(help: "Let each user reach /USER/ only.") var privateRepos = false
    @Option(help: "A file of user:hash lines, as `htpasswd -B` writes them; read again when it changes.") var htpasswd: String?
    @Option(help: "A file of user:hash lines, with the SHA-256 of a long random token; read again when it changes.") var tokens: String?
    @Flag(help: "Let everybody who reaches the address read and write.") var noAuth = false
    @Option(help: "A PEM file with the certificate and its chain.") var tlsCert: String?
    @Option(help: "A PEM file with the certificate's key.") var tlsKey: String?
    @Option(help: "Maximum size of all repositories together, such as 10GiB.") var maxSize: String?
    @Option(help: "Maximum number of repositories of each user, or of all together without --private-repos.") var maxRepositories = 1000
    @Flag(help: "Answer /metrics, for Prometheus: to --metrics-user; without users, to this machine only.") var metrics = false
    @Option(help: "A user who may read /metrics. May be repeated.") var metricsUser: [String] = []
    @Option(help: "Maximum number of connections from one address that have not logged in yet.") var connectionsPerAddress = 64
    @Option(help: "Maximum number of connections of one user; once 192 of all 256 are open, 16.") var connectionsPerUser = 128
    @Option(help: "Timeout for a client that makes no progress.") var patience = "2m"
    @Option(help: "Timeout for a request's head, from connecting or from its first byte on.") var headTime = "10s"
    @Option(help: "How long requests under way may go on after SIGTERM.") var grace = "30s"
    @OptionGroup var log: LogOptions

    private var address: (host: String, port: Int)? {
        guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]) else { return nil }
        var host = String(listen[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        return (host.isEmpty ? "0.0.0.0" : host, port)
    }

    func validate() throws {
        if address == nil { throw ValidationError("--listen: expected HOST:PORT, found \(listen)") }
        if let maxSize, ByteCount(maxSize) == nil { throw ValidationError("--max-size: expected a size such as 10GiB, found \(maxSize)") }
        for (option, text) in [("--patience", patience), ("--head-time", headTime), ("--grace", grace)] where TimeSpan(text) == nil {
            throw ValidationError("\(option): expected a time such as 30s, found \(text)")
        }
        for (option, text) in [("--patience", patience), ("--head-time", headTime)] where TimeSpan(text)?.milliseconds == 0 {
            throw ValidationError("\(option): expected more than nothing")
        }
    }

    func run() async throws {
        guard let address, let patience = TimeSpan(patience), let headTime = TimeSpan(headTime), let grace = TimeSpan(grace) else { return }
        var settings = ResticServerSettings(path: Self.absolute(path), host: address.host, port: address.port)
        settings.isAppendOnly = appendOnly
        settings.hasPrivateRepositories = privateRepos
        settings.passwordFile = htpasswd
        settings.tokenFile = tokens
        settings.isOpen = noAuth
        settings.certificateFile = tlsCert
        settings.keyFile = tlsKey
        settings.maximumSize = maxSize.flatMap { ByteCount($0) }
        settings.maximumRepositories = maxRepositories
        settings.hasMetrics = metrics
        settings.metricsUsers = Set(metricsUser)
        settings.connectionsPerAddress = connectionsPerAddress
        settings.connectionsPerUser = connectionsPerUser
        settings.patience = patience
        settings.headTime = headTime
        let interrupts = Interrupts()
        let counts = interrupts.counts
        let log = Logger(label: "rest-server")
        let server = try await ResticServer.listen(settings, log: log)
        log.notice("listening at \(server.url), serving \(settings.path)")
        let signals = Task {
            for await count in counts { server.stop(grace: count == 1 ? grace : .milliseconds(0)) }
        }
        defer { signals.cancel() }
        try await server.serve()
        withExtendedLifetime(interrupts) {}
    }

    /// Without `/` at its end.
    private static func absolute(_ path: String) -> String {
        let whole = URL(fileURLWithPath: path).standardizedFileURL.path
        return whole.count > 1 && whole.hasSuffix("/") ? String(whole.dropLast()) : whole
    }
}
