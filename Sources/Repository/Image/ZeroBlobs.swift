import Crypto
import Synchronization

/// The blobs that hold nothing but zeros, by their size. An image refers to them wherever it is empty: they are neither read nor stored twice.
final class ZeroBlobs: Sendable {
    /// restic makes holes (`restore --sparse`) in files that have a blob of this size among theirs: its chunker cuts zeros so.
    static let piece = Int64(Chunker.minimum)
    /// Long empty stretches are spelled with these, which keeps the list of an empty terabyte short.
    static let run: Int64 = 8 << 20

    private let known = Mutex<[Int64: ObjectID]>([:])

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
