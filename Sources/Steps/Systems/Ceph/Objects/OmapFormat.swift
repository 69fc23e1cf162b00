/// An omap as a file: `snappy-flow omap 1` and a line feed, then every pair in ascending order of keys (by bytes): the key's length, the key,
/// the value's length, the value. Lengths are 32 bits, big-endian. It ends with the last pair.
enum OmapFormat {
    struct Pair: Sendable, Hashable {
        var key: [UInt8]
        var value: [UInt8]
    }

    static let head = Array("snappy-flow omap 1\n".utf8)

    static func size(_ pair: Pair) -> Int64 { Int64(8 + pair.key.count + pair.value.count) }

    static func append(_ pair: Pair, to bytes: inout [UInt8]) {
        for part in [pair.key, pair.value] {
            withUnsafeBytes(of: UInt32(part.count).bigEndian) { bytes += $0 }
            bytes += part
        }
    }
}
