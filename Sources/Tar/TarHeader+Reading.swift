import Basics
import StorageKit

/// One header block as it stands in an archive: ustar, GNU tar's kin of it with numbers in base 256, or what was there before both.
struct TarBlock {
    var type: UInt8
    var name: [UInt8]
    var linkName: [UInt8]
    /// Of what follows, whatever the type.
    var size: Int64
    fileprivate let permissions: Int64
    fileprivate let owner: (id: Int64, name: [UInt8])
    fileprivate let group: (id: Int64, name: [UInt8])
    fileprivate let modified: Int64
    fileprivate let device: (major: Int64, minor: Int64)

    /// Nil for the block of zeros that ends an archive.
    init?(_ block: UnsafeRawBufferPointer, of archive: String) throws(StorageError) {
        guard block.contains(where: { $0 != 0 }) else { return nil }
        func field(_ range: Range<Int>) -> [UInt8] { Array(block[range].prefix { $0 != 0 }) }
        func number(_ range: Range<Int>) throws(StorageError) -> Int64 {
            let bytes = block[range]
            if let first = bytes.first, first & 0x80 != 0 {
                // Two's complement over the whole field but for its first bit.
                var value: Int64 = first & 0x40 != 0 ? -1 : 0
                for byte in [first & 0x7F | (first & 0x40) << 1] + bytes.dropFirst() {
                    guard value >> 55 == 0 || value >> 55 == -1 else { throw .tar("a number of 64 bits", "a larger one", archive) }
                    value = value << 8 | Int64(byte)
                }
                return value
            }
            let digits = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self).filter { $0 != " " }
            guard let value = digits.isEmpty ? 0 : Int64(digits, radix: 8), !digits.hasPrefix("-"), !digits.hasPrefix("+") else {
                throw .tar("an octal number", "\"\(digits)\"", archive)
            }
            return value
        }
        let checksumField = 148..<156
        let sum = block.enumerated().reduce(Int64(0)) { $0 + Int64(checksumField.contains($1.offset) ? 0x20 : $1.element) }
        guard try number(checksumField) == sum else { throw .tar("a tar header", "a wrong checksum", archive) }
        let isUstar = field(257..<263) == Array("ustar".utf8)
        let prefix = isUstar ? field(345..<500) : []
        name = (prefix.isEmpty ? [] : prefix + [UInt8(ascii: "/")]) + field(0..<100)
        linkName = field(157..<257)
        size = try number(124..<136)
        guard size >= 0 else { throw .tar("a size", "\(size)", archive) }
        permissions = try number(100..<108)
        let hasNames = field(257..<262) == Array("ustar".utf8)
        owner = (try number(108..<116), hasNames ? field(265..<297) : [])
        group = (try number(116..<124), hasNames ? field(297..<329) : [])
        modified = try number(136..<148)
        type = block[156] == 0 || block[156] == TarType.contiguous ? TarType.file : block[156]
        // How folders were said before ustar; since then a name of which a record has the rest may end so.
        if type == TarType.file, !hasNames, name.last == UInt8(ascii: "/") { type = TarType.folder }
        let isDevice = [TarType.characterDevice, TarType.blockDevice].contains(type)
        device = isDevice ? (try number(329..<337), try number(337..<345)) : (0, 0)
    }
}

extension TarHeader {
    /// What a block and the records before it say together. `longName`, `longLink`: GNU tar's, where there were any.
    init(_ block: TarBlock, _ records: PaxRecords, longName: [UInt8]?, longLink: [UInt8]?, of archive: String) throws(StorageError) {
        func record(_ key: String) -> [UInt8]? { records.values[key].flatMap { $0.isEmpty ? nil : $0 } }
        func number(_ key: String, _ other: Int64) throws(StorageError) -> Int64 {
            guard let text = record(key).map({ String(decoding: $0, as: UTF8.self) }) else { return other }
            guard let value = Int64(text), value >= 0 else { throw .tar("a number for \(key)", "\"\(text)\"", archive) }
            return value
        }
        if let key = records.values.keys.first(where: { $0.hasPrefix("GNU.sparse.") }) {
            throw .tar("files as they are", "a sparse one (\(key))", archive)
        }
        func path(_ bytes: [UInt8]) throws(StorageError) -> TreePath {
            let parts = bytes.split(separator: UInt8(ascii: "/")).map { FileName(bytes: Array($0)) }.filter { $0 != "." }
            guard bytes.first != UInt8(ascii: "/"), !parts.contains(".."), !bytes.contains(0) else {
                throw .tar("paths below the archive's root", bytes.printableName, archive)
            }
            return TreePath(parts)
        }
        let kind: FileKind
        switch block.type {
        case TarType.file, TarType.hardLink: kind = .file
        case TarType.symbolicLink: kind = .symbolicLink
        case TarType.characterDevice: kind = .characterDevice
        case TarType.blockDevice: kind = .blockDevice
        case TarType.folder: kind = .directory
        case TarType.fifo: kind = .fifo
        default:
            throw .tar(
                "files, folders, links, devices and fifos", "an entry of type \([block.type].printableName)", archive)
        }
        let linkName = record("linkpath") ?? longLink ?? block.linkName
        self.path = try path(record("path") ?? longName ?? block.name)
        hardLink = block.type == TarType.hardLink ? try path(linkName) : nil
        guard let modified = record("mtime").map(PaxRecords.time) ?? FileTime(seconds: block.modified) else {
            throw .tar("a time", "another text", archive)
        }
        let (major, minor) = (UInt64(clamping: block.device.major), UInt64(clamping: block.device.minor))
        metadata = FileMetadata(
            kind: kind, permissions: UInt16(block.permissions & 0o7777),
            userID: UInt32(truncatingIfNeeded: try number("uid", block.owner.id)),
            groupID: UInt32(truncatingIfNeeded: try number("gid", block.group.id)),
            user: String(decoding: record("uname") ?? block.owner.name, as: UTF8.self),
            group: String(decoding: record("gname") ?? block.group.name, as: UTF8.self),
            size: kind == .file && hardLink == nil ? try number("size", block.size) : 0, modified: modified,
            linkTarget: kind == .symbolicLink ? linkName : [],
            // makedev(3)
            device: (major & 0xFFF) << 8 | (major & ~0xFFF) << 32 | minor & 0xFF | (minor & ~0xFF) << 12,
            extendedAttributes: records.values.filter { $0.key.hasPrefix("SCHILY.xattr.") }.sorted { $0.key < $1.key }.map {
                ExtendedAttribute(name: String($0.key.dropFirst("SCHILY.xattr.".count)), value: $0.value)
            })
    }
}

extension StorageError {
    static func tar(_ expected: String, _ found: String, _ archive: String) -> StorageError {
        StorageError(
            .invalid, expected: expected, found: found, at: archive,
            advice: "get the archive again; if it recurs, look at who makes it and at the connection")
    }
}
