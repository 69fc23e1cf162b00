/// Go's strconv.Quote and Unquote without the outer quotes: how tree nodes spell file names of any bytes.
enum GoQuote {
    static func quoted(_ name: [UInt8]) -> [UInt8] {
        if name.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }) { return name }
        return name.withUnsafeBufferPointer { name in
            var out: [UInt8] = []
            var decoder = UTF8Decoder(name)
            while let part = decoder.next() {
                switch part {
                case .invalid(let byte): append("\\x", UInt32(byte), digits: 2, to: &out)
                case .scalar(let scalar): append(scalar, to: &out)
                }
            }
            return out
        }
    }

    private static func append(_ scalar: Unicode.Scalar, to out: inout [UInt8]) {
        switch scalar {
        case "\"", "\\": out += [UInt8(ascii: "\\"), UInt8(ascii: scalar)]
        case _ where isPrintable(scalar): out += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
        case "\u{07}": out += "\\a".utf8
        case "\u{08}": out += "\\b".utf8
        case "\u{0C}": out += "\\f".utf8
        case "\n": out += "\\n".utf8
        case "\r": out += "\\r".utf8
        case "\t": out += "\\t".utf8
        case "\u{0B}": out += "\\v".utf8
        case "\u{00}"..<"\u{20}", "\u{7F}": append("\\x", scalar.value, digits: 2, to: &out)
        case ..<"\u{10000}": append("\\u", scalar.value, digits: 4, to: &out)
        default: append("\\U", scalar.value, digits: 8, to: &out)
        }
    }

    private static func append(_ prefix: String, _ value: UInt32, digits: Int, to out: inout [UInt8]) {
        let hex = String(value, radix: 16)
        out += prefix.utf8
        for _ in hex.utf8.count..<digits { out.append(UInt8(ascii: "0")) }
        out += hex.utf8
    }

    /// Go prints letters, marks, numbers, punctuation, symbols and the ASCII space, by the tables of Unicode 15.0 (Go 1.21 and later).
    static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value < 0x7F }
        guard let age = scalar.properties.age, age <= (15, 0) else { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .spaceSeparator, .lineSeparator, .paragraphSeparator: return false
        default: return true
        }
    }

    /// The bytes that a quoted name stands for; nil when an escape is wrong.
    static func unquoted(_ text: [UInt8]) -> [UInt8]? {
        guard text.contains(UInt8(ascii: "\\")) else { return text }
        var out: [UInt8] = []
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                out.append(byte)
                continue
            }
            guard index < text.count else { return nil }
            let escape = text[index]
            index += 1
            switch escape {
            case UInt8(ascii: "x"):
                guard let value = number(text, &index, digits: 2, radix: 16) else { return nil }
                out.append(UInt8(truncatingIfNeeded: value))
            case UInt8(ascii: "u"), UInt8(ascii: "U"):
                guard let value = number(text, &index, digits: escape == UInt8(ascii: "u") ? 4 : 8, radix: 16),
                    let scalar = Unicode.Scalar(value), let encoded = UTF8.encode(scalar)
                else { return nil }
                out += encoded
            case UInt8(ascii: "0")...UInt8(ascii: "7"):
                index -= 1
                guard let value = number(text, &index, digits: 3, radix: 8), value < 256 else { return nil }
                out.append(UInt8(value))
            default:
                guard let plain = simple[escape] else { return nil }
                out.append(plain)
            }
        }
        return out
    }

    private static let simple: [UInt8: UInt8] = [
        UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13,
        UInt8(ascii: "t"): 9,
        UInt8(ascii: "v"): 11, UInt8(ascii: "\\"): UInt8(ascii: "\\"), UInt8(ascii: "\""): UInt8(ascii: "\""),
    ]

    private static func number(_ text: [UInt8], _ index: inout Int, digits: Int, radix: Int) -> UInt32? {
        guard index + digits <= text.count else { return nil }
        defer { index += digits }
        return UInt32(String(decoding: text[index..<index + digits], as: UTF8.self), radix: radix)
    }
}
