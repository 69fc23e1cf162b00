/// What the bytes of a script mean. All encodings of servers have ASCII as it is, so that quotes are found in any.
enum ScriptEncoding: Sendable, Hashable {
    case utf8
    case latin1
    /// Only ASCII is read.
    case other

    /// As PostgreSQL calls it (manual 24.3.1). SQL_ASCII is whatever clients made of it, mostly UTF-8.
    init(_ name: String) {
        switch name {
        case "UTF8", "SQL_ASCII": self = .utf8
        case "LATIN1": self = .latin1
        default: self = .other
        }
    }

    /// For bytes out of what all databases share, names of roles and what is said of a database: those are kept as they came, whatever a database's
    /// encoding, and most came in UTF-8.
    func ofShared(_ bytes: [UInt8]) -> ScriptEncoding { String(validating: bytes, as: UTF8.self) == nil ? self : .utf8 }

    /// Nil where they mean nothing.
    func text(_ bytes: [UInt8]) -> String? {
        switch self {
        case .utf8: String(validating: bytes, as: UTF8.self)
        case .latin1: String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
        case .other: bytes.allSatisfy { $0 < 0x80 } ? String(decoding: bytes, as: UTF8.self) : nil
        }
    }
}
