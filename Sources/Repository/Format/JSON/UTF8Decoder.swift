/// Takes bytes apart into Unicode scalars and single invalid bytes, as Go's utf8.DecodeRune does.
struct UTF8Decoder {
    enum Part: Equatable {
        case scalar(Unicode.Scalar)
        case invalid(UInt8)
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func next() -> Part? {
        guard index < bytes.count else { return nil }
        let first = bytes[index]
        let length: Int
        switch first {
        case 0..<0x80: length = 1
        case 0xC2..<0xE0: length = 2
        case 0xE0..<0xF0: length = 3
        case 0xF0..<0xF5: length = 4
        default: length = 0
        }
        guard length > 0, index + length <= bytes.count else { return invalid(first) }
        var value = UInt32(length == 1 ? first : first & (0x7F >> UInt8(length)))
        for offset in 1..<max(length, 1) {
            let byte = bytes[index + offset]
            guard byte & 0xC0 == 0x80 else { return invalid(first) }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        let minimum: UInt32 = [0, 0, 0x80, 0x800, 0x10000][length]
        guard value >= minimum, let scalar = Unicode.Scalar(value) else { return invalid(first) }
        index += length
        return .scalar(scalar)
    }

    private mutating func invalid(_ byte: UInt8) -> Part {
        index += 1
        return .invalid(byte)
    }
}
