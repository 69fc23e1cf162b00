import Crypto

/// The plain form of an index, snapshot or lock: 0x02 and a zstd frame of JSON, or JSON as version 1 had it.
enum UnpackedFile {
    /// An index of 50,000 blobs has 10 MB; what is far beyond is an attack on our memory.
    private static let limit = 1 << 30

    static func encode(_ json: [UInt8], compress: Bool) -> [UInt8] {
        guard compress else { return json }
        let compressor = Compressor(level: 3)
        return withExtendedLifetime(compressor) { json.withUnsafeBytes { [2] + compressor.compress($0) } }
    }

    static func decode(_ plain: [UInt8], at location: String) throws -> [UInt8] {
        switch plain.first {
        case UInt8(ascii: "{"), UInt8(ascii: "["): return plain
        case 2:
            let json = plain.withUnsafeBytes { Decompressor().decompress(UnsafeRawBufferPointer(rebasing: $0[1...]), limit: limit) }
            guard let json else { throw RepositoryError.damaged(location, expected: "a zstd frame", found: "something else") }
            return json
        default: throw RepositoryError.damaged(location, expected: "JSON or a zstd frame", found: "an unknown form")
        }
    }
}
