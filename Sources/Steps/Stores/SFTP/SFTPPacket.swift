/// A message of the SSH File Transfer Protocol, version 3 (draft-ietf-secsh-filexfer-02): a type, and fields, the highest byte first.
struct SFTPPacket {
    enum Kind: UInt8 {
        case begin = 1, version, open, close, read, write
        case openFolder = 11, readFolder, remove, makeFolder
        case status = 101, handle, data, names, attributes
        case stat = 17
        case rename = 18
        case extended = 200, extendedReply
    }

    /// Section 7.
    enum Status: UInt32 {
        case ok, end, noSuchFile, permissionDenied, failure, badMessage, noConnection, connectionLost, unsupported
    }

    var kind: UInt8
    private(set) var bytes: [UInt8] = []

    init(_ kind: Kind) { self.kind = kind.rawValue }
    init(kind: UInt8, bytes: [UInt8]) { (self.kind, self.bytes) = (kind, bytes) }

    // MARK: writing

    mutating func add(_ number: UInt32) { bytes += (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }
    mutating func add(_ number: UInt64) { bytes += (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) } }
    mutating func add(_ text: String) { add(Array(text.utf8)) }
    mutating func add(_ part: some Collection<UInt8>) {
        add(UInt32(part.count))
        bytes += part
    }

    /// With its length in front.
    var framed: [UInt8] {
        var frame = SFTPPacket(kind: kind, bytes: [])
        frame.add(UInt32(bytes.count + 1))
        return frame.bytes + [kind] + bytes
    }
}

/// Takes fields off a message. Nil where it ends before.
struct SFTPFields {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func number() -> UInt32? {
        guard rest.count >= 4 else { return nil }
        defer { rest = rest.dropFirst(4) }
        return rest.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func long() -> UInt64? {
        guard let high = number(), let low = number() else { return nil }
        return UInt64(high) << 32 | UInt64(low)
    }

    mutating func text() -> [UInt8]? {
        guard let count = number(), rest.count >= Int(count) else { return nil }
        defer { rest = rest.dropFirst(Int(count)) }
        return Array(rest.prefix(Int(count)))
    }

    /// Section 5: what is there says which fields follow.
    mutating func attributes() -> SFTPAttributes? {
        guard let flags = number() else { return nil }
        var found = SFTPAttributes()
        if flags & 1 != 0 { found.size = long().map { Int64(bitPattern: $0) } }
        if flags & 2 != 0 { _ = long() }
        if flags & 4 != 0 { found.mode = number() }
        if flags & 8 != 0 { found.modified = long().map { Int64($0 & 0xFFFF_FFFF) } }
        if flags & 0x8000_0000 != 0 {
            for _ in 0..<(number() ?? 0) where text() == nil || text() == nil { return nil }
        }
        return found
    }
}

struct SFTPAttributes {
    var size: Int64?
    /// st_mode.
    var mode: UInt32?
    /// Seconds since 1970, by the server's clock.
    var modified: Int64?
    var isFolder: Bool { (mode ?? 0) & 0o170000 == 0o040000 }
    var isFile: Bool { (mode ?? 0o100000) & 0o170000 == 0o100000 }
}
