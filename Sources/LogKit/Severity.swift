import Logging

extension Logger.Level {
    /// As syslog numbers it (RFC 5424, 6.2.1), and systemd after it (sd-daemon(3)).
    var severity: Int {
        switch self {
        case .critical: 2
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug, .trace: 7
        }
    }
}
