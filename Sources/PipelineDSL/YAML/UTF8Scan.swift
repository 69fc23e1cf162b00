/// Finds what is not UTF-8 text (RFC 3629), NUL included.
enum UTF8Scan {
    /// The offset of the first byte that can't be part of a text; nil when all is well.
    static func firstInvalid(_ bytes: [UInt8]) -> Int? {
        var index = 0
        while index < bytes.count {
            let first = bytes[index]
            let length: Int
            let least: UInt32
            switch first {
            case 0: return index
            case 0x01..<0x80:
                index += 1
                continue
            case 0xC2..<0xE0: (length, least) = (2, 0x80)
            case 0xE0..<0xF0: (length, least) = (3, 0x800)
            case 0xF0..<0xF5: (length, least) = (4, 0x10000)
            default: return index
            }
            guard index + length <= bytes.count else { return index }
            var value = UInt32(first) & (0x7F >> UInt32(length))
            for offset in 1..<length {
                guard bytes[index + offset] & 0xC0 == 0x80 else { return index }
                value = value << 6 | UInt32(bytes[index + offset] & 0x3F)
            }
            guard value >= least, value <= 0x10FFFF, !(0xD800..<0xE000).contains(value) else { return index }
            index += length
        }
        return nil
    }
}
