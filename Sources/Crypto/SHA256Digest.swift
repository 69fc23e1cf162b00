/// The 32 bytes of a SHA-256, held inline: hashing and comparing one costs no allocation.
public struct SHA256Digest: Sendable, Hashable, Comparable, BitwiseCopyable, CustomStringConvertible {
    /// The digest's bytes as four big-endian words, so that order by words is order by bytes.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    public static let byteCount = 32

    /// Copies 32 bytes. Fewer are a broken invariant.
    public init(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count >= Self.byteCount, "a SHA-256 has 32 bytes")
        words = (
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
        )
    }

    /// Reads 64 lower-case hex digits; nil when the text is anything else.
    // Indexes hold millions of them: not generic, for callers are in other modules.
    public init?(hex: UnsafeRawBufferPointer) {
        guard hex.count == 64 else { return nil }
        func word(_ start: Int) -> UInt64? {
            var word: UInt64 = 0
            for index in start..<start + 16 {
                let value: UInt8
                switch hex[index] {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): value = hex[index] &- UInt8(ascii: "0")
                case UInt8(ascii: "a")...UInt8(ascii: "f"): value = hex[index] &- UInt8(ascii: "a") &+ 10
                default: return nil
                }
                word = word << 4 | UInt64(value)
            }
            return word
        }
        guard let one = word(0), let two = word(16), let three = word(32), let four = word(48) else { return nil }
        words = (one, two, three, four)
    }

    @inlinable public init?(hex: some Collection<UInt8>) {
        let read = hex.withContiguousStorageIfAvailable { Self(hex: UnsafeRawBufferPointer($0)) }
        guard let digest = read ?? Array(hex).withUnsafeBytes({ Self(hex: $0) }) else { return nil }
        self = digest
    }

    public init?(hex: String) { self.init(hex: hex.utf8) }

    public var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(Self.byteCount)
        for word in [words.0, words.1, words.2, words.3] {
            withUnsafeBytes(of: word.bigEndian) { out.append(contentsOf: $0) }
        }
        return out
    }

    /// 64 lower-case hex digits.
    public var hex: String { String(decoding: hexBytes, as: UTF8.self) }

    /// The same as ASCII bytes.
    public var hexBytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 64) { out, count in
            var index = 0
            for word in [words.0, words.1, words.2, words.3] {
                var shift: UInt64 = 64
                while shift > 0 {
                    shift -= 4
                    let digit = UInt8(truncatingIfNeeded: word >> shift & 15)
                    out[index] = digit < 10 ? digit + UInt8(ascii: "0") : digit - 10 + UInt8(ascii: "a")
                    index += 1
                }
            }
            count = 64
        }
    }

    public var description: String { hex }
    /// The first byte: a digest is uniform, so this spreads work evenly.
    public var firstByte: UInt8 { UInt8(truncatingIfNeeded: words.0 >> 56) }

    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
    public static func == (left: SHA256Digest, right: SHA256Digest) -> Bool { left.words == right.words }
    public static func < (left: SHA256Digest, right: SHA256Digest) -> Bool { left.words < right.words }
}
