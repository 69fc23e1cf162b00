import Basics
import Glibc
import HostKit

/// Datagrams to a syslog daemon, each a message of RFC 5424. What it does not take goes to standard error.
struct SyslogWriter: LogWriter {
    let format: LogFormat
    private let socket: DatagramSocket
    private let otherwise: StandardErrorWriter
    private let head: String

    init(socket: String, format: LogFormat, otherwise: StandardErrorWriter) {
        self.format = format
        self.socket = DatagramSocket(path: socket)
        self.otherwise = otherwise
        head = "\(Self.name(Self.host, most: 255)) snappy-flow \(getpid())"
    }

    func write(_ record: LogRecord) {
        if !socket.send(Array(message(record).utf8), within: 1000) { otherwise.write(record) }
    }

    /// `<PRI>VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG`. Fields are in the message, as the format has them: an
    /// element of structured data would need a number that IANA gave us.
    func message(_ record: LogRecord) -> String {
        let priority = Self.daemon * 8 + record.level.severity
        let content = format.line(record, isStamped: false)
        return "<\(priority)>1 \(LogFormat.stamp(record.time)) \(head) \(Self.name(record.label, most: 32)) - \(content)"
    }

    /// The facility of system daemons.
    private static let daemon = 3

    /// Printable ASCII without blanks, and never empty (RFC 5424, 6).
    private static func name(_ text: String, most: Int) -> String {
        let kept = text.utf8.filter { (0x21...0x7E).contains($0) }.prefix(most)
        return kept.isEmpty ? "-" : String(decoding: kept, as: UTF8.self)
    }

    private static var host: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, 255) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
