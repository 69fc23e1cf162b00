/// Where the log goes.
public enum LogPlace: Sendable, Hashable {
    case standardError
    /// A Unix datagram socket on which a syslog daemon listens.
    case syslog(socket: String)

    /// Where daemons listen on every Linux.
    public static let syslogSocket = "/dev/log"

    /// Reads `stderr`, `syslog` or `syslog:/path/of/a/socket`; nil for anything else.
    public init?(_ text: String) {
        switch text {
        case "stderr": self = .standardError
        case "syslog": self = .syslog(socket: Self.syslogSocket)
        default:
            guard text.hasPrefix("syslog:/"), !text.utf8.contains(0) else { return nil }
            self = .syslog(socket: String(text.dropFirst("syslog:".count)))
        }
    }
}
