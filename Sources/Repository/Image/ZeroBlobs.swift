import Crypto
import Synchronization

/// The blobs that hold nothing but zeros, by their size. An image refers to them wherever it is empty: they are neither read nor stored twice.
final class ZeroBlobs: Sendable {
    /// restic makes holes (`restore --sparse`) in files that have a blob of this size among theirs: its chunker cuts zeros so.
    static let piece = Int64(Chunker.minimum)
    /// Long empty stretches are spelled with these, which keeps the list of an empty terabyte short.
    static let run: Int64 = 8 << 20

    private let known = Mutex(common)

    /// Those of every size that an extent has: to hash them takes as long as to store six mebibytes.
    static let common: [Int64: ObjectID] = [
        65536: "de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31",
        131072: "fa43239bcee7b97ca62f007cc68487560a39e19f74f3dde7486db3f98df8e471",
        262144: "8a39d2abd3999ab73c34db2476849cddf303ce389b35826850f9a700589b4a90",
        524288: "07854d2fef297a06ba81685e660c332de36d5d18d546927d30daad6d7fda1541",
        1048576: "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58",
        2097152: "5647f05ec18958947d32874eeb788fa396a05d0bab7c1b71f112ceb7e9b31eee",
        4194304: "bb9f8df61474d25e71fa00722318cd387396ca1736605e1248821cc0de3d3af8",
        8388608: "2daeb1f36095b44b318410b3f4e8b5d989dcc7bb023d1426c492dab0a3053e74",
    ].compactMapValues { ObjectID(hex: $0) }

    /// The name of so many zeros.
    func id(of size: Int64) -> ObjectID {
        if let id = known.withLock({ $0[size] }) { return id }
        let (hash, part) = (SHA256(), [UInt8](repeating: 0, count: 64 << 10))
        var rest = Int(size)
        while rest > 0 {
            part.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<min(rest, part.count)])) }
            rest -= min(rest, part.count)
        }
        let id = hash.finish()
        known.withLock { $0[size] = id }
        return id
    }

    static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index + 32 <= bytes.count {
            let one = bytes.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
            if one != .zero { return false }
            index += 32
        }
        return bytes[index...].allSatisfy { $0 == 0 }
    }
}
