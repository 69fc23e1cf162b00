import ServerKit
public import Basics
import NIOCore

/// What a server serves, to whom, and within which bounds.
public struct ResticServerSettings: Sendable {
    /// The folder that holds the repositories: absolute.
    public var path: String
    public var host: String
    /// 0: one that is free.
    public var port: Int
    /// Nothing that is stored is removed or replaced, locks apart.
    public var isAppendOnly = false
    /// A user reaches `/<user>/` only.
    public var hasPrivateRepositories = false
    /// `user:hash` lines: bcrypt, `{SHA}`, or what else crypt(5) names.
    public var passwordFile: String?
    /// `user:hash` lines: SHA-256 of a long random token, in hex.
    public var tokenFile: String?
    /// Said by somebody who means it: everybody may read and write.
    public var isOpen = false
    /// PEM files.
    public var certificateFile: String?
    public var keyFile: String?
    /// Of all repositories together.
    public var maximumSize: ByteCount?
    /// Answers `/metrics`: to `metricsUsers`, and where nobody is asked who he is, to this machine.
    public var hasMetrics = false
    public var metricsUsers: Set<String> = []
    /// That a user may have; that there may be where users share them all.
    public var maximumRepositories = 1000
    /// A connection on which neither a request ended nor 16 KiB moved for so long is given up. Longer than Go's clients keep idle ones (90 s).
    public var patience: TimeSpan = .seconds(120)
    /// A request's head must be whole within it, from connecting or from its first byte on.
    public var headTime: TimeSpan = .seconds(10)
    /// More wait until one ends.
    public var maximumConnections = 256
    /// Connections of one IPv4 address, or IPv6 /64, on which nobody has said yet who he is; more are closed at once.
    public var connectionsPerAddress = 64
    /// Connections of one user; who asks on more is told to come again.
    public var connectionsPerUser = 128

    public init(path: String, host: String = "127.0.0.1", port: Int = 8000) {
        self.path = path
        self.host = host
        self.port = port
    }

    /// An address, or the one name that is: `127.example.org` is a name like any other.
    var isLoopback: Bool { host == "localhost" || ClientAddress(try? SocketAddress(ipAddress: host, port: 0))?.isLoopback == true }
    var hasCredentials: Bool { passwordFile != nil || tokenFile != nil }
    public var hasTLS: Bool { certificateFile != nil }

    /// Refuses what contradicts itself, and what would open the folder to everybody by omission.
    public func validate() throws(Explanation) {
        guard path.hasPrefix("/") else { throw .setting("an absolute path", "\"\(path)\"", at: "--path", "write it whole") }
        guard (0...65535).contains(port) else { throw .setting("a port up to 65535", "\(port)", at: "--listen", "say HOST:PORT") }
        guard (certificateFile == nil) == (keyFile == nil) else {
            throw .setting("a certificate and its key", "one of the two", at: "--tls-cert, --tls-key", "give both, or none")
        }
        if isOpen, hasCredentials {
            throw .setting("either --no-auth or a file of users", "both", at: "--no-auth", "leave one of them out")
        }
        if hasMetrics, hasCredentials, metricsUsers.isEmpty {
            throw .setting(
                "who may read /metrics", "nobody", at: "--metrics", "name users with --metrics-user: others must not see all figures")
        }
        if !metricsUsers.isEmpty, !hasMetrics || !hasCredentials {
            throw .setting(
                "--metrics and a file of users beside it", hasMetrics ? "no users" : "no --metrics", at: "--metrics-user",
                "give what is missing, or leave --metrics-user out")
        }
        for (option, count) in [
            ("--connections-per-address", connectionsPerAddress), ("--connections-per-user", connectionsPerUser),
            ("--max-repositories", maximumRepositories),
        ] where count < 1 {
            throw .setting("at least 1", "\(count)", at: option, "raise it")
        }
        if hasPrivateRepositories, !hasCredentials {
            throw .setting("users, where each has repositories of its own", "none", at: "--private-repos", "give --htpasswd or --tokens")
        }
        if !hasCredentials, !isOpen, !isLoopback {
            throw .setting(
                "--htpasswd or --tokens, because \(host) can be reached by others", "neither", at: "--listen",
                "name the users; or say --no-auth if everybody may read and write")
        }
    }

    /// What whoever starts the server should hear.
    var warnings: [String] {
        if hasCredentials, !hasTLS, !isLoopback {
            return ["passwords cross the network readable: give --tls-cert and --tls-key, or let a proxy with TLS stand before \(host)"]
        }
        return []
    }
}
