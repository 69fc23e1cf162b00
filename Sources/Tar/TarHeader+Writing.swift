import StorageKit

extension TarHeader {
    /// The blocks that stand before the entry's content: an extended header for what the old one can't say (long names, large sizes, fractions of
    /// seconds, attributes), and the old one. A socket, for which tar has no word, becomes an empty file.
    public var encoded: [UInt8] {
        let records = records
        guard !records.isEmpty else { return block }
        var extended = TarHeader(
            TreePath("pax"),
            FileMetadata(kind: .file, permissions: 0o644, size: Int64(records.count), modified: FileTime(seconds: 0))
        ).block(type: TarType.extended)
        extended += records
        extended += Self.padding(after: Int64(records.count))
        return extended + block
    }

    /// What fills the last block of so many bytes.
    public static func padding(after count: Int64) -> [UInt8] {
        [UInt8](repeating: 0, count: (blockBytes - Int(count % Int64(blockBytes))) % blockBytes)
    }

    /// Two blocks of zeros, which end an archive; readers don't need it to be filled up to a record of 10 KiB.
    public static let end = [UInt8](repeating: 0, count: 2 * blockBytes)

    private static let largestSize: Int64 = 1 << 33  // eleven octal digits
    private static let largestNumber: UInt64 = 1 << 21  // seven

    private var name: [UInt8] {
        (path.parts.isEmpty ? [UInt8(ascii: ".")] : path.bytes) + (metadata.kind == .directory ? [UInt8(ascii: "/")] : [])
    }
    private var linkName: [UInt8] { hardLink?.bytes ?? (metadata.kind == .symbolicLink ? metadata.linkTarget : []) }

    private var records: [UInt8] {
        var records: [UInt8] = []
        func add(_ key: String, _ value: [UInt8]) { records += PaxRecords.record(key, value) }
        let (name, linkName) = (name, linkName)
        if name.count > 100 || name.contains(where: { $0 >= 0x80 }) { add("path", name) }
        if linkName.count > 100 || linkName.contains(where: { $0 >= 0x80 }) { add("linkpath", linkName) }
        if contentBytes >= Self.largestSize { add("size", Array(String(contentBytes).utf8)) }
        if metadata.modified.nanoseconds != 0 || !(0..<Self.largestSize).contains(metadata.modified.seconds) {
            add("mtime", Array(PaxRecords.text(metadata.modified).utf8))
        }
        if UInt64(metadata.userID) >= Self.largestNumber { add("uid", Array(String(metadata.userID).utf8)) }
        if UInt64(metadata.groupID) >= Self.largestNumber { add("gid", Array(String(metadata.groupID).utf8)) }
        for (key, text) in [("uname", metadata.user), ("gname", metadata.group)] where text.utf8.count > 31 { add(key, Array(text.utf8)) }
        for attribute in metadata.extendedAttributes { add("SCHILY.xattr." + attribute.name, attribute.value) }
        return records
    }

    private var block: [UInt8] {
        if hardLink != nil { return block(type: TarType.hardLink) }
        return switch metadata.kind {
        case .file, .socket: block(type: TarType.file)
        case .symbolicLink: block(type: TarType.symbolicLink)
        case .characterDevice: block(type: TarType.characterDevice)
        case .blockDevice: block(type: TarType.blockDevice)
        case .directory: block(type: TarType.folder)
        case .fifo: block(type: TarType.fifo)
        }
    }

    private func block(type: UInt8) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: Self.blockBytes)
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
        put(UInt64(clamping: contentBytes), at: 124, 12)
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
