/// Text files that say by their first bytes how they are encoded (Unicode Standard, "Byte Order Mark").
enum TextEncoding {
    /// The text as UTF-8, without its mark; bytes without a mark stay as they are, whatever they are.
    static func utf8(of content: [UInt8]) -> [UInt8] {
        if content.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(content.dropFirst(3)) }
        if content.starts(with: [0xFF, 0xFE]) { return utf8(of: content.dropFirst(2)) { UInt16($1) << 8 | UInt16($0) } }
        if content.starts(with: [0xFE, 0xFF]) { return utf8(of: content.dropFirst(2)) { UInt16($0) << 8 | UInt16($1) } }
        return content
    }

    /// What is no UTF-16 becomes U+FFFD. As in Go (x/text/encoding/unicode), one for a surrogate and the low one behind it, and one for a single byte at
    /// the end.
    private static func utf8(of bytes: ArraySlice<UInt8>, _ unit: (UInt8, UInt8) -> UInt16) -> [UInt8] {
        var units = stride(from: bytes.startIndex, to: bytes.endIndex - 1, by: 2).map { unit(bytes[$0], bytes[$0 + 1]) }[...]
        var out: [UInt8] = []
        func add(_ scalar: Unicode.Scalar?) { out += UTF8.encode(scalar ?? "\u{FFFD}") ?? UTF8.encodedReplacementCharacter }
        while let first = units.popFirst() {
            guard UTF16.isSurrogate(first), let second = units.first, UTF16.isTrailSurrogate(second) else {
                add(Unicode.Scalar(first))
                continue
            }
            units.removeFirst()
            add(
                UTF16.isLeadSurrogate(first)
                    ? Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)) : nil)
        }
        if bytes.count % 2 == 1 { add(nil) }
        return out
    }
}
