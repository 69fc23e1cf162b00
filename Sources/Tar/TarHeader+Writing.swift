import StorageKit

/// One block of 512 bytes before an entry of a tar archive (IEEE Std 1003.1, "ustar Interchange Format"), and what of it needs an extended header.
struct UstarHeader {
    var name: [UInt8]
    var linkName: [UInt8] = []
    var type: UInt8
    /// Bytes of content.
    var size: Int64 = 0
    private let metadata: FileMetadata

    init(_ metadata: FileMetadata, name: [UInt8]) {
        self.metadata = metadata
        self.name = name
        switch metadata.kind {
        case .file, .socket: type = UInt8(ascii: "0")
        case .symbolicLink: type = UInt8(ascii: "2")
        case .characterDevice: type = UInt8(ascii: "3")
        case .blockDevice: type = UInt8(ascii: "4")
        case .directory: type = UInt8(ascii: "5")
        case .fifo: type = UInt8(ascii: "6")
        }
        if metadata.kind == .file { size = metadata.size }
        if metadata.kind == .symbolicLink { linkName = metadata.linkTarget }
    }

    /// The header of an extended header of so many bytes.
    static func extended(count: Int) -> UstarHeader {
        var header = UstarHeader(
            FileMetadata(kind: .file, permissions: 0o644, size: Int64(count), modified: FileTime(seconds: 0)), name: Array("pax".utf8))
        header.type = UInt8(ascii: "x")
        return header
    }

    private static let largestSize: Int64 = 1 << 33  // eleven octal digits
    private static let largestNumber: UInt64 = 1 << 21  // seven

    /// Extended records, `LENGTH KEY=VALUE\\n` each, of what does not fit the block.
    func records(_ attributes: [ExtendedAttribute]) -> [UInt8] {
        var records: [UInt8] = []
        func add(_ key: String, _ value: [UInt8]) {
            let rest = Array(" \(key)=".utf8) + value + [0x0A]
            var length = rest.count
            // The length counts its own digits.
            while length != rest.count + String(length).utf8.count { length = rest.count + String(length).utf8.count }
            records += Array(String(length).utf8) + rest
        }
        if name.count > 100 || name.contains(where: { $0 >= 0x80 }) { add("path", name) }
        if linkName.count > 100 || linkName.contains(where: { $0 >= 0x80 }) { add("linkpath", linkName) }
        if size >= Self.largestSize { add("size", Array(String(size).utf8)) }
        if metadata.modified.nanoseconds != 0 || !(0..<Self.largestSize).contains(metadata.modified.seconds) {
            add("mtime", Array(Self.text(metadata.modified).utf8))
        }
        if UInt64(metadata.userID) >= Self.largestNumber { add("uid", Array(String(metadata.userID).utf8)) }
        if UInt64(metadata.groupID) >= Self.largestNumber { add("gid", Array(String(metadata.groupID).utf8)) }
        for (key, text) in [("uname", metadata.user), ("gname", metadata.group)] where text.utf8.count > 31 { add(key, Array(text.utf8)) }
        for attribute in attributes { add("SCHILY.xattr." + attribute.name, attribute.value) }
        return records
    }

    /// Seconds with a fraction; nanoseconds count upwards also before 1970.
    private static func text(_ time: FileTime) -> String {
        guard time.seconds < 0, time.nanoseconds > 0 else { return "\(time.seconds).\(digits(time.nanoseconds))" }
        let whole = time.seconds + 1
        return (whole == 0 ? "-0" : "\(whole)") + "." + digits(1_000_000_000 - time.nanoseconds)
    }

    private static func digits(_ nanoseconds: Int32) -> String {
        let text = String(nanoseconds)
        return String(repeating: "0", count: 9 - text.count) + text
    }

    var block: [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Collection<UInt8>, at offset: Int, _ room: Int) {
            for (index, byte) in bytes.prefix(room).enumerated() { block[offset + index] = byte }
        }
        func put(_ number: UInt64, at offset: Int, _ room: Int) {
            let text = String(number & ((1 << (3 * UInt64(room - 1))) - 1), radix: 8)
            put(Array((String(repeating: "0", count: max(room - 1 - text.count, 0)) + text).utf8), at: offset, room - 1)
        }
        put(name, at: 0, 100)
        put(UInt64(metadata.permissions), at: 100, 8)
        put(UInt64(metadata.userID), at: 108, 8)
        put(UInt64(metadata.groupID), at: 116, 8)
        put(UInt64(clamping: size), at: 124, 12)
        put(UInt64(clamping: metadata.modified.seconds), at: 136, 12)
        block[156] = type
        put(linkName, at: 157, 100)
        put(Array("ustar".utf8) + [0] + Array("00".utf8), at: 257, 8)
        put(Array(metadata.user.utf8), at: 265, 31)
        put(Array(metadata.group.utf8), at: 297, 31)
        // makedev(3): major and minor numbers are spread over the 64 bits.
        put(metadata.device >> 8 & 0xFFF | metadata.device >> 32 & ~0xFFF, at: 329, 8)
        put(metadata.device & 0xFF | metadata.device >> 12 & ~0xFF, at: 337, 8)
        put(Array("        ".utf8), at: 148, 8)
        let sum = block.reduce(UInt64(0)) { $0 + UInt64($1) }
        put(sum, at: 148, 7)
        block[154] = 0
        block[155] = 0x20
        return block
    }
}
