import Basics
import StorageKit

/// One header block of a tar archive (POSIX.1-1988 ustar, with GNU's base-256 numbers), as PostgreSQL's servers write them.
struct TarHeader: Sendable, Hashable {
    static let blockBytes = 512

    var path: TreePath
    var metadata: FileMetadata

    /// Nil for the block of zeros that ends an archive.
    init?(_ block: UnsafeRawBufferPointer, of archive: String) throws(StorageError) {
        guard block.contains(where: { $0 != 0 }) else { return nil }
        func invalid(_ expected: String, _ found: String) -> StorageError {
            StorageError(
                .invalid, expected: expected, found: found, at: archive, advice: "repeat the copy; if it recurs, look at the connection")
        }
        func field(_ range: Range<Int>) -> [UInt8] { Array(block[range].prefix { $0 != 0 }) }
        func number(_ range: Range<Int>) throws(StorageError) -> Int64 {
            let bytes = block[range]
            if let first = bytes.first, first & 0x80 != 0 {
                return bytes.dropFirst().reduce(Int64(first & 0x7F)) { $0 << 8 | Int64($1) }
            }
            let digits = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self).filter { $0 != " " }
            guard let value = digits.isEmpty ? 0 : Int64(digits, radix: 8) else { throw invalid("an octal number", digits) }
            return value
        }
        let checksumField = 148..<156
        let sum = block.enumerated().reduce(Int64(0)) { $0 + Int64(checksumField.contains($1.offset) ? 0x20 : $1.element) }
        guard try number(checksumField) == sum else { throw invalid("a tar header", "a wrong checksum") }
        guard field(257..<262) == Array("ustar".utf8) else { throw invalid("a ustar archive", "another kind") }

        let kind: FileKind
        switch block[156] {
        case 0, UInt8(ascii: "0"): kind = .file
        case UInt8(ascii: "2"): kind = .symbolicLink
        case UInt8(ascii: "5"): kind = .directory
        case let other: throw invalid("files, folders and links", "an entry of type \(Unicode.Scalar(other))")
        }
        let prefix = field(345..<500)
        let bytes = (prefix.isEmpty ? [] : prefix + [UInt8(ascii: "/")]) + field(0..<100)
        let parts = bytes.split(separator: UInt8(ascii: "/")).map { FileName(bytes: Array($0)) }.filter { $0 != "." }
        guard bytes.first != UInt8(ascii: "/"), !parts.contains("..") else {
            throw invalid("paths below the data folder", String(decoding: bytes, as: UTF8.self))
        }
        path = TreePath(parts)
        metadata = FileMetadata(
            kind: kind, permissions: UInt16(try number(100..<108) & 0o7777), userID: UInt32(truncatingIfNeeded: try number(108..<116)),
            groupID: UInt32(truncatingIfNeeded: try number(116..<124)), user: String(decoding: field(265..<297), as: UTF8.self),
            group: String(decoding: field(297..<329), as: UTF8.self), size: kind == .file ? try number(124..<136) : 0,
            modified: FileTime(seconds: try number(136..<148)), linkTarget: kind == .symbolicLink ? field(157..<257) : [])
        guard metadata.size >= 0 else { throw invalid("a size", "\(metadata.size)") }
    }
}
