import Crypto

/// The plain form of an index, snapshot or lock: 0x02 and a zstd frame of JSON, or JSON as version 1 had it.
enum UnpackedFile {
    static func encode(_ json: [UInt8], compress: Bool) -> [UInt8] {
        guard compress else { return json }
        let compressor = Compressor(level: 3)
        return withExtendedLifetime(compressor) { json.withUnsafeBytes { [2] + compressor.compress($0) } }
    }

    /// The JSON; nil where it has more than `limit` bytes.
    static func decode(_ plain: [UInt8], limit: Int, at location: String) throws -> [UInt8]? {
        switch plain.first {
        case UInt8(ascii: "{"), UInt8(ascii: "["): return plain.count <= limit ? plain : nil
        case 2:
            do {
                return try plain.withUnsafeBytes {
                    try Decompressor().decompress(UnsafeRawBufferPointer(rebasing: $0[1...]), limit: limit)
                }
            } catch Decompressor.Failure.tooLarge {
                return nil
            } catch {
                throw RepositoryError.damaged(location, expected: "a zstd frame", found: "something else")
            }
        default: throw RepositoryError.damaged(location, expected: "JSON or a zstd frame", found: "an unknown form")
        }
    }
}
